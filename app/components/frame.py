"""What every page carries besides its content: fonts, the person's theme, and short messages."""

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
    """Shows {nonce, text, tone} for some seconds, and tells screen readers."""

    library = _LIBRARY
    tag = "Toast"

    toast: rx.Var[dict[str, str]]


def framed(view: rx.Component) -> rx.Component:
    """A page with all of it."""
    return rx.fragment(fonts(), _Look.create(theme=Session.theme), view, _Toast.create(toast=Session.toast))
