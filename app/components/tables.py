"""Tables of things to open: they scroll within their own frame where they don't fit."""

from collections.abc import Callable, Sequence
from typing import Any

import reflex as rx


def list_table(
    name: str,
    headings: Sequence[str | rx.Component],
    items: rx.Var[Any],
    row: Callable[[Any], rx.Component],
    look: str = "",
) -> rx.Component:
    """A table called `name`, with a row for each of `items`; a heading is its words, or the whole `th`."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption(name, class_name="hidden"),
            rx.el.thead(
                rx.el.tr(*(rx.el.th(each, scope="col") if isinstance(each, str) else each for each in headings))
            ),
            rx.el.tbody(rx.foreach(items, row)),
            class_name=f"list-table {look}".strip(),
        ),
        class_name="table-frame",
        role="region",
        aria_label=name,
        tab_index=0,
    )
