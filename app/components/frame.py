"""What every page carries besides its content: fonts, the person's theme, short messages, and where focus goes."""

import reflex as rx

from app.components.fonts import fonts
from app.components.pulse import Glance, Pulse
from app.state.job_news import JobNewsState
from app.state.session import Session

_LIBRARY = rx.asset("frame.jsx", shared=True).importable_path


class _Look(rx.Component):
    """Applies a theme: system, light or dark."""

    library = _LIBRARY
    tag = "Look"

    theme: rx.Var[str]


class _Toast(rx.Component):
    """Shows {nonce, text, tone, href} for some seconds, and a lost connection for as long as it lasts."""

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
        _job_news(),
        _Toast.create(toast=Session.toast),
    )


NEWS_INTERVAL = 5
"""Seconds between questions while the person has jobs that wait or run; without any, nothing is asked again."""


def _job_news() -> rx.Component:
    """Tells of jobs that end: looks when a page is opened or something was begun, and goes on while jobs are active."""
    begun = rx.cond(Session.toast["tone"] == "plain", Session.toast["nonce"], "")
    return rx.cond(
        Session.person != "",
        rx.fragment(
            Glance.create(nonce=begun, on_glance=JobNewsState.look),
            rx.cond(
                JobNewsState.active > 0,
                Pulse.create(seconds=NEWS_INTERVAL, answered=JobNewsState.beats, on_beat=JobNewsState.look),
            ),
        ),
    )
