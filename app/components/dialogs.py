"""Modal dialogs, and buttons that ask before they do what can't be undone."""

import reflex as rx
from reflex.event import EventType

_LIBRARY = rx.asset("dialogs.jsx", shared=True).importable_path


class _Confirm(rx.Component):
    """A button with a modal question behind it."""

    library = _LIBRARY
    tag = "Confirm"

    label: rx.Var[str]
    # What a screen reader calls the button, when the label doesn't say enough.
    name: rx.Var[str]
    title: rx.Var[str]
    text: rx.Var[str]
    # What the button that does it says.
    yes: rx.Var[str]
    disabled: rx.Var[bool]

    on_confirm: rx.EventHandler[rx.event.no_args_event_spec]


class _Dialog(rx.Component):
    """A modal dialog."""

    library = _LIBRARY
    tag = "Dialog"

    open: rx.Var[bool]
    title: rx.Var[str]

    on_close: rx.EventHandler[rx.event.no_args_event_spec]


def dialog(
    *children: rx.Component, open: rx.Var[bool], title: rx.Var[str] | str, on_close: EventType[()]
) -> rx.Component:
    """A modal dialog, as long as `open`; Esc sends `on_close`. The child with `data-first` has the focus at first."""
    return _Dialog.create(*children, open=open, title=title, on_close=on_close)


def confirm(
    label: str,
    on_confirm: EventType[()],
    *,
    title: rx.Var[str] | str,
    text: rx.Var[str] | str,
    yes: str,
    name: rx.Var[str] | str = "",
    disabled: rx.Var[bool] | bool = False,
) -> rx.Component:
    """A button `label` that asks `title` and `text`; `yes` then sends `on_confirm`."""
    return _Confirm.create(
        label=label, on_confirm=on_confirm, title=title, text=text, yes=yes, name=name, disabled=disabled
    )
