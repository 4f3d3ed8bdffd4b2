"""Moments in the reader's own language and time zone, worked out in the browser."""

import reflex as rx

_LIBRARY = rx.asset("when.jsx", shared=True).importable_path


class _When(rx.Component):
    """A `time` element."""

    library = _LIBRARY
    tag = "When"

    at: rx.Var[str]


def moment(iso: rx.Var[str] | str) -> rx.Component:
    """How long ago `iso` was, with the exact time as its title."""
    return _When.create(at=iso)
