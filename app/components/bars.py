"""A chart of stacked bars by day, with its table one click away."""

from typing import Any

import reflex as rx

from app.components import figures

_LIBRARY = rx.asset("bars.jsx", shared=True).importable_path
assert figures  # bars.jsx imports its formats


class Bars(rx.Component):
    """It fills the width it is given; on narrow screens many days scroll inside of it."""

    library = _LIBRARY
    tag = "Bars"

    title: rx.Var[str]
    # {day (2026-03-01), values: one for each of `series`, unpriced: attempts}, in order.
    days: rx.Var[Any]
    # {key, name}: at most five.
    series: rx.Var[Any]
    # usd or count.
    unit: rx.Var[str]
    # The day that stands out, or an empty string.
    picked: rx.Var[str]
    # A day was pressed.
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(str)]
