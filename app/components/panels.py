"""Parts of a page that open and close in the browser alone."""

import reflex as rx

_LIBRARY = rx.asset("panels.jsx", shared=True).importable_path


class _Sheet(rx.Component):
    """A side panel; on phones a dialog behind a handle."""

    library = _LIBRARY
    tag = "Sheet"

    # What the handle says, and after it, quieter, what is inside.
    label: rx.Var[str]
    title: rx.Var[str]
    # What the panel is called.
    name: rx.Var[str]


class _Disclosure(rx.Component):
    """A button that shows what belongs to it."""

    library = _LIBRARY
    tag = "Disclosure"

    label: rx.Var[str]
    # What a screen reader calls the button, when the label doesn't say enough.
    name: rx.Var[str]
    # One or two characters drawn before the label.
    face: rx.Var[str]
    # Whether it takes the focus when it appears.
    focused: rx.Var[bool]


def sheet(*children: rx.Component, label: rx.Var[str] | str, name: str, title: rx.Var[str] | str = "") -> rx.Component:
    """A panel at the side of a page; on phones it opens over the page when its handle is pressed."""
    return _Sheet.create(*children, label=label, title=title, name=name)


def disclosure(
    *children: rx.Component,
    class_name: str,
    label: rx.Var[str] | str = "",
    name: rx.Var[str] | str = "",
    face: rx.Var[str] | str = "",
    focused: rx.Var[bool] | bool = False,
) -> rx.Component:
    """Children that a button shows and hides."""
    return _Disclosure.create(*children, label=label, name=name, face=face, focused=focused, class_name=class_name)
