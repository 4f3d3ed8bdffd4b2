"""Which days and lesson a page is about: kept in its address."""

from typing import Any

import reflex as rx

from app.components import figures

_LIBRARY = rx.asset("narrowing.jsx", shared=True).importable_path
assert figures  # narrowing.jsx imports its formats


class Narrowing(rx.Component):
    """A period and a lesson to choose; each choice is another address of the same page."""

    library = _LIBRARY
    tag = "Narrowing"

    # Days like 2026-03-01, both ends in the period.
    today: rx.Var[str]
    first: rx.Var[str]
    last: rx.Var[str]
    # The key of the chosen lesson, or an empty string, and all of them: {key, title}.
    lesson: rx.Var[str]
    lessons: rx.Var[Any]
    # The time zone that days are in.
    zone: rx.Var[str]
    # Whether there is a lesson to choose.
    by_lesson: rx.Var[bool]
