"""Numbers and days in the reader's own language, written in the browser."""

from typing import Any

import reflex as rx

_LIBRARY = rx.asset("figures.jsx", shared=True).importable_path


class _Figure(rx.Component):
    """A number with its unit."""

    library = _LIBRARY
    tag = "Figure"

    value: rx.Var[Any]
    unit: rx.Var[str]
    unknown: rx.Var[str]


class _Day(rx.Component):
    """A `time` element; `form` is long, date (without the weekday) or short (without the year, too)."""

    library = _LIBRARY
    tag = "Day"

    day: rx.Var[str]
    form: rx.Var[str]


def figure(value: Any, unit: str, unknown: str = "–") -> rx.Component:
    """A number as count, short (1.2M), usd, share (of 1, in percent) or ms; `unknown` where there is none."""
    return _Figure.create(value=value, unit=unit, unknown=unknown)


def day(iso: rx.Var[str] | str) -> rx.Component:
    """A day like 2026-03-01 in words."""
    return _Day.create(day=iso, form="date")
