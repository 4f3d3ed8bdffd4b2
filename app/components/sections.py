"""Picking a section from a list that the server searches."""

from typing import Any

import reflex as rx
from reflex.event import EventType

_LIBRARY = rx.asset("sections.jsx", shared=True).importable_path

_text = rx.event.passthrough_event_spec(str)


def _id_of(section: rx.Var[dict[str, str]]) -> tuple[rx.Var[str]]:
    return (section["id"].to(str),)


class _SectionPicker(rx.Component):
    """A field with a list below it."""

    library = _LIBRARY
    tag = "SectionPicker"

    label: rx.Var[str]
    # {text: what was searched for, sections: [{id, slug, title, course}], more}
    found: rx.Var[Any]

    # What was typed.
    on_search: rx.EventHandler[_text]
    # The section's id.
    on_pick: rx.EventHandler[_id_of]


def section_picker(
    label: str, found: rx.Var[Any], *, on_search: EventType[str], on_pick: EventType[str]
) -> rx.Component:
    """A search for a section; the fields of `_SectionPicker` say what `found` holds."""
    return _SectionPicker.create(label=label, found=found, on_search=on_search, on_pick=on_pick)
