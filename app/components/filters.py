"""What a list is narrowed down to, each with a button that takes it away."""

from typing import Any

import reflex as rx

from app.components import figures

_LIBRARY = rx.asset("filters.jsx", shared=True).importable_path
assert figures  # filters.jsx imports its formats


class Filters(rx.Component):
    """A row of filters; nothing when there is none."""

    library = _LIBRARY
    tag = "Filters"

    # What they are, for screen readers.
    name: rx.Var[str]
    # {by, label, day}.
    filters: rx.Var[Any]
    # One was taken away: its `by`.
    on_drop: rx.EventHandler[rx.event.passthrough_event_spec(str)]
