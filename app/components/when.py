"""Moments in the reader's own language and time zone, worked out in the browser."""

import reflex as rx

_LIBRARY = rx.asset("when.jsx", shared=True).importable_path


class _When(rx.Component):
    """A `time` element."""

    library = _LIBRARY
    tag = "When"

    at: rx.Var[str]
    # The moment itself instead of how long ago it was.
    exact: rx.Var[bool]


class ReadersZone(rx.Component):
    """Draws nothing; calls `on_zone` once with the name of the reader's time zone, like Europe/Paris."""

    library = _LIBRARY
    tag = "ReadersZone"

    on_zone: rx.EventHandler[rx.event.passthrough_event_spec(str)]


def moment(iso: rx.Var[str] | str, *, exact: bool = False) -> rx.Component:
    """How long ago `iso` was, with the exact time as its title, or the exact time itself."""
    return _When.create(at=iso, exact=exact)
