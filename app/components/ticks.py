"""Boxes to tick in lists."""

import reflex as rx


class Tick(rx.Component):
    """A checkbox that doesn't wait for the server."""

    library = rx.asset("ticks.jsx", shared=True).importable_path
    tag = "Tick"

    # What is ticked, for screen readers.
    name: rx.Var[str]
    checked: rx.Var[bool]
    on_tick: rx.EventHandler[rx.event.passthrough_event_spec(bool)]
