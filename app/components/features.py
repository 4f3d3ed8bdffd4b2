"""What serves a feature, as fields of a form."""

from typing import Any

import reflex as rx

import app.components.fields
import app.components.sections  # noqa: F401 - their .jsx is imported by ours

_LIBRARY = rx.asset("features.jsx", shared=True).importable_path


class _FeatureFields(rx.Component):
    """The default, the overrides, and a search for a section to add one."""

    library = _LIBRARY
    tag = "FeatureFields"

    feature: rx.Var[str]
    # What people call it.
    name: rx.Var[str]
    # The text of the default's field, empty when there is none.
    stored: rx.Var[str]
    # {id, name, chain, warning} of the service configs that fit.
    choices: rx.Var[Any]
    # {id, slug, title, course, value} of the sections with an override, as far as they were loaded.
    overrides: rx.Var[Any]
    more: rx.Var[bool]
    # As in app/components/sections.py.
    found: rx.Var[Any]

    # What was typed to find a section.
    on_search: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_more: rx.EventHandler[rx.event.no_args_event_spec]


def feature_fields(**props: Any) -> rx.Component:
    """The fields of one feature; the fields and events of `_FeatureFields` are its props."""
    return _FeatureFields.create(**props)
