"""What every page carries besides its content: fonts, the person's theme, short messages, and where focus goes."""

import reflex as rx

from app.components.fonts import fonts
from app.state.session import Session

_LIBRARY = rx.asset("frame.jsx", shared=True).importable_path


class _Look(rx.Component):
    """Applies a theme: system, light or dark."""

    library = _LIBRARY
    tag = "Look"

    theme: rx.Var[str]


class _Toast(rx.Component):
    """Shows {nonce, text, tone} for some seconds, and a lost connection for as long as it lasts."""

    library = _LIBRARY
    tag = "Toast"

    toast: rx.Var[dict[str, str]]


class _Landing(rx.Component):
    """Moves the focus to the content of a page that was opened by a link."""

    library = _LIBRARY
    tag = "Landing"


class FocusComposer(rx.Component):
    """Moves the focus to where a message is written, whenever `nonce` changes."""

    library = _LIBRARY
    tag = "FocusComposer"

    nonce: rx.Var[int]


def framed(view: rx.Component) -> rx.Component:
    """A page with all of it."""
    return rx.fragment(
        fonts(),
        _Look.create(theme=Session.theme),
        _Landing.create(),
        view,
        _Toast.create(toast=Session.toast),
    )
