"""The administrators' forms: fields, the frame around them, and what they owe whoever types.

A form lives in the browser until it is saved: nothing is sent while somebody types, and nothing typed is lost when the
connection breaks. A page says

    form(
        group("Identity", text_field("name", "Name", required=True), check_field("enabled", "Enabled")),
        group("Key", secret_field("api_key", "API key", held=S.key)),
        save_bar(send_button("Test", S.test, busy=S.testing), cancel="/admin/things"),
        values=S.values, errors=S.errors, busy=S.saving, subject=S.subject, stored=S.stored,
        on_save=S.save, on_reload=S.reload,
    )

and its state holds

    values: dict[str, str]    what the fields begin with; "true" and "false" for checks; `version` goes along unseen
    errors: dict[str, str]    {field: sentence}; "form" for the whole form, "conflict" offers to show the newest instead
    saving: bool              everything is disabled meanwhile
    subject: str              what the form is about: another one drops what was typed
    stored: str               a new word (`uuid4().hex`) after each save, and when `reload` shows the newest

Its event `save(values)` gets every value as a text, also those without a field: check it with
`app.state.forms.texts_of`. It sets `saving`, yields, and at the end sets `errors` or `stored`, whatever happened; don't
show a skeleton when `load` runs again for the same subject, or what was typed is gone. A secret `x` sends `x` and
`x_change`: keep, replace or clear. Other React pieces inside a form use `useField(name)` of fields.jsx.
"""

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex.event import EventType

import app.components.dialogs  # noqa: F401 - its .jsx is imported by ours

_LIBRARY = rx.asset("fields.jsx", shared=True).importable_path

Options = Sequence[tuple[str, str]] | rx.Var[Any]
"""(value, what people read)."""
Values = dict[str, str]

_values = rx.event.passthrough_event_spec(dict)


class _Form(rx.Component):
    """The frame: it holds what was typed, and warns whoever leaves without saving."""

    library = _LIBRARY
    tag = "Form"

    values: rx.Var[dict[str, str]]
    errors: rx.Var[dict[str, str]]
    busy: rx.Var[bool]
    subject: rx.Var[str]
    stored: rx.Var[str]
    # What a screen reader calls the form.
    name: rx.Var[str]

    # Every value.
    on_save: rx.EventHandler[_values]
    # Drop what was typed: set `values` to the newest, and `stored`.
    on_reload: rx.EventHandler[rx.event.no_args_event_spec]


class _SaveBar(rx.Component):
    """Save, and what stands beside it."""

    library = _LIBRARY
    tag = "SaveBar"

    label: rx.Var[str]
    busy_label: rx.Var[str]


class _SendButton(rx.Component):
    """A button that sends the values as they stand."""

    library = _LIBRARY
    tag = "SendButton"

    label: rx.Var[str]
    busy_label: rx.Var[str]
    busy: rx.Var[bool]

    on_send: rx.EventHandler[_values]


class _Field(rx.Component):
    """A labelled control."""

    library = _LIBRARY
    tag = "Field"

    name: rx.Var[str]
    kind: rx.Var[str]
    label: rx.Var[str]
    hint: rx.Var[str]
    unit: rx.Var[str]
    placeholder: rx.Var[str]
    required: rx.Var[bool]
    options: rx.Var[Any]
    wide: rx.Var[bool]


class _SecretField(rx.Component):
    """A secret that is written and never shown."""

    library = _LIBRARY
    tag = "SecretField"

    name: rx.Var[str]
    label: rx.Var[str]
    held: rx.Var[str]
    hint: rx.Var[str]
    placeholder: rx.Var[str]


class _Shown(rx.Component):
    """Fields that depend on another one."""

    library = _LIBRARY
    tag = "Shown"

    name: rx.Var[str]
    values: rx.Var[Any]


class _Revealed(rx.Component):
    """What a button brought forth."""

    library = _LIBRARY
    tag = "Revealed"

    nonce: rx.Var[str]


class _Arrived(rx.Component):
    """One of two children."""

    library = _LIBRARY
    tag = "Arrived"

    at: rx.Var[str]


def arrived(at: rx.Var[str] | str, content: rx.Component, waiting: rx.Component) -> rx.Component:
    """`content` at the address `at`, `waiting` elsewhere.

    A page keeps its state when a link leads to another subject of the same page: without this, the form of the last
    one would stand there, ready to be typed into, until the new one has come.
    """
    return _Arrived.create(waiting, content, at=at)


def form(*children: rx.Component, **props: Any) -> rx.Component:
    """A form; the fields and events of `_Form` are its props."""
    return _Form.create(*children, **props)


def group(title: rx.Var[str] | str, *children: rx.Component, hint: str = "") -> rx.Component:
    """Fields that belong together, under a heading."""
    return rx.el.fieldset(
        rx.el.legend(title),
        rx.el.p(hint, class_name="hint") if hint else rx.fragment(),
        rx.el.div(*children, class_name="field-grid"),
        class_name="card field-group",
    )


def save_bar(*others: rx.Component, label: str = "Save", busy_label: str = "Saving…", cancel: str = "") -> rx.Component:
    """The foot of a form: Save, Cancel (a link to `cancel`), then `others`."""
    back = [rx.el.a("Cancel", href=cancel, class_name="btn")] if cancel else []
    return _SaveBar.create(*back, *others, label=label, busy_label=busy_label)


def send_button(
    label: str, on_send: EventType[Values], *, busy: rx.Var[bool] | bool = False, busy_label: str = ""
) -> rx.Component:
    """A button, inside a form, that sends its values as they stand without saving them."""
    return _SendButton.create(label=label, on_send=on_send, busy=busy, busy_label=busy_label)


def text_field(name: str, label: str, **props: Any) -> rx.Component:
    """One line of text. `props`, of all fields: hint, unit (after the label), placeholder, required, wide."""
    return _Field.create(name=name, label=label, kind="text", **props)


def area_field(name: str, label: str, **props: Any) -> rx.Component:
    """Several lines of text."""
    return _Field.create(name=name, label=label, kind="area", **props)


def number_field(name: str, label: str, **props: Any) -> rx.Component:
    """A number, whole or decimal: the backend says which, and what is wrong with another."""
    return _Field.create(name=name, label=label, kind="number", **props)


def date_field(name: str, label: str, **props: Any) -> rx.Component:
    """A day, as 2026-05-31."""
    return _Field.create(name=name, label=label, kind="date", **props)


def moment_field(name: str, label: str, **props: Any) -> rx.Component:
    """A day and a time of day, as 2026-05-31T23:59, in whichever time zone the hint says."""
    return _Field.create(name=name, label=label, kind="moment", **props)


def select_field(name: str, label: str, options: Options, **props: Any) -> rx.Component:
    """One of `options`. With a placeholder, none of them is a choice too."""
    return _Field.create(name=name, label=label, kind="select", options=options, **props)


def check_field(name: str, label: str, **props: Any) -> rx.Component:
    """Yes or no: "true" or "false"."""
    return _Field.create(name=name, label=label, kind="check", **props)


def checks(*fields: rx.Component) -> rx.Component:
    """Check fields in a row of their own."""
    return rx.el.div(*fields, class_name="checks")


def secret_field(name: str, label: str, *, held: rx.Var[str] | str = "", **props: Any) -> rx.Component:
    """A secret; `held` says what is stored without showing it, and is empty when nothing is."""
    return _SecretField.create(name=name, label=label, held=held, **props)


def revealed(*children: rx.Component, nonce: rx.Var[str], **props: Any) -> rx.Component:
    """Children that come into view, and are read out, whenever `nonce` is a new word."""
    return _Revealed.create(*children, nonce=nonce, **props)


def shown_when(name: str, values: Sequence[str], *children: rx.Component) -> rx.Component:
    """`children`, while the field `name` holds one of `values`."""
    return _Shown.create(*children, name=name, values=list(values))


def switch(label: rx.Var[str] | str, checked: rx.Var[bool], on_click: EventType[()], **props: Any) -> rx.Component:
    """An on-off switch in a list, at work at once; `label` is for screen readers."""
    return rx.el.button(
        rx.el.span(class_name="knob"),
        type="button",
        role="switch",
        on_click=on_click,
        class_name="switch",
        aria_label=label,
        custom_attrs={"aria-checked": rx.cond(checked, "true", "false")},
        **props,
    )
