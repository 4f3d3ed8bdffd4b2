"""What a service config cost this month, against its budget."""

from typing import Any

import reflex as rx

_LIBRARY = rx.asset("budget.jsx", shared=True).importable_path


class _Budget(rx.Component):
    """The amount, and a bar when there is a budget."""

    library = _LIBRARY
    tag = "Budget"

    # {spent, budget, state, share, unpriced}: see budget.jsx.
    spending: rx.Var[Any]
    # Whose budget it is.
    name: rx.Var[str]
    # As in a row of a list.
    small: rx.Var[bool]


def budget(spending: rx.Var[Any], name: rx.Var[str] | str, *, small: bool = False) -> rx.Component:
    """This month's spending of the service config `name`."""
    return _Budget.create(spending=spending, name=name, small=small)
