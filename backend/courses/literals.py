"""Values and calls as a teacher writes them in Python: read, never evaluated."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

NAMES = {"nan": float("nan"), "inf": float("inf")}
"""Numbers that have no literal of their own."""
LONGEST = 20_000
"""Characters."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A function's name and what it is called with."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def parse_value(text: str) -> Any:
    """The value of a Python literal, `nan` and `inf` among them. Raises `ValueError` with a sentence."""
    return _read(text, _value)


def parse_call(text: str) -> Call:
    """A call of a function by its name, with literals: `area(3, unit="cm")`. Raises `ValueError` with a sentence."""
    return _read(text, _call)


def _read(text: str, understand: Callable[[ast.expr], T]) -> T:
    if len(text) > LONGEST:
        raise ValueError(f"Write at most {LONGEST:,} characters.")
    try:
        return understand(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text.strip()[:60]!r} isn't written as Python's literals are.") from error


def _call(node: ast.expr) -> Call:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise TypeError
    kwargs = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if len(kwargs) < len(node.keywords) or "None" in kwargs:  # **mapping has no name
        raise TypeError
    return Call(node.func.id, tuple(_value(arg) for arg in node.args), kwargs)


def _value(node: ast.expr) -> Any:
    return ast.literal_eval(_Named().visit(node))


class _Named(ast.NodeTransformer):
    """Puts numbers in the place of their names."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The number, or the name as it is, which no literal has."""
        return ast.Constant(NAMES[node.id]) if node.id in NAMES else node
