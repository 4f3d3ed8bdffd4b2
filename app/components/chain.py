"""The chain of models as a field of a form."""

from typing import Any

import reflex as rx

import app.components.fields  # noqa: F401 - its .jsx is imported by ours

_LIBRARY = rx.asset("chain.jsx", shared=True).importable_path
rx.asset("chain-moves.js", shared=True)  # chain.jsx imports it from beside itself


class _ChainEditor(rx.Component):
    """Models in order, each with its role."""

    library = _LIBRARY
    tag = "ChainEditor"

    # The field that holds it.
    name: rx.Var[str]
    label: rx.Var[str]
    # Every registered model: {name, kind, provider, enabled, dev_only}.
    models: rx.Var[Any]


def chain_field(name: str, label: str, models: rx.Var[Any]) -> rx.Component:
    """The field `name` of the form around it: JSON of [[role, model name], …] in the order in which they are tried."""
    return _ChainEditor.create(name=name, label=label, models=models)
