"""Python values as JSON, in and out of the container: plain where JSON has them, tagged where it hasn't.

It needs nothing but the standard library: the container gets this very file.
"""

import math
from typing import Any, NamedTuple

DEEPEST = 50
MOST_ENTRIES = 2_000
"""Of a set or dictionary: somebody may choose entries whose hashes collide."""
PLAIN_INT = 2**63
"""From here on integers go as hexadecimal digits: Python refuses to write long decimal ones."""


class Other(NamedTuple):
    """A value of a type that can't be compared: its type's name and how it shows itself. Equal to nothing expected."""

    type_name: str
    text: str

    def __repr__(self) -> str:
        """What the student's object says of itself."""
        return self.text


def encode(value: Any, depth: int = 0) -> Any:
    """`value` as JSON. Raises `ValueError` when it is too deep or too big."""
    if depth > DEEPEST:
        raise ValueError(f"It is nested more than {DEEPEST} levels deep.")
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    for kind, write in _PLAIN:
        if isinstance(value, kind):
            return write(value)
    if isinstance(value, list):
        return [encode(each, depth + 1) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(each, depth + 1) for each in value]}
    if isinstance(value, set | frozenset):
        return {"set": [encode(each, depth + 1) for each in _few(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, depth + 1), encode(each, depth + 1)] for key, each in _few(value).items()]}
    return {"other": type(value).__name__, "text": repr(value)[:1_000]}


def decode(coded: Any, depth: int = 0) -> Any:
    """The value that `encode` wrote. Raises `ValueError` or `TypeError` for anything else."""
    if depth > DEEPEST:
        raise ValueError("It is too deep.")
    if isinstance(coded, list):
        return [decode(each, depth + 1) for each in coded]
    if not isinstance(coded, dict):
        return coded
    if "other" in coded:
        return Other(str(coded["other"])[:100], str(coded.get("text", ""))[:1_000])
    ((tag, content),) = coded.items()
    if tag == "int":
        return int(content, 16)
    if tag == "bytes":
        return bytes.fromhex(content)
    if tag == "complex":
        return complex(*content)
    if tag == "tuple":
        return tuple(decode(each, depth + 1) for each in content)
    if tag == "set":
        return {decode(each, depth + 1) for each in _few(content)}
    if tag == "dict":
        return {decode(key, depth + 1): decode(each, depth + 1) for key, each in _few(content)}
    raise ValueError("There is no such tag.")


def same(actual: Any, expected: Any, tolerance: float) -> bool:
    """Whether a value is the expected one.

    Numbers are compared by value, within `tolerance` where one is a float; NaN is NaN; True isn't 1; a list isn't a
    tuple. Keys of dictionaries and members of sets are compared exactly.
    """
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if isinstance(actual, int | float) and isinstance(expected, int | float):
        return close(actual, expected, tolerance)
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, list | tuple):
        return len(actual) == len(expected) and all(
            same(one, other, tolerance) for one, other in zip(actual, expected, strict=True)
        )
    if isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(same(actual[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, complex):
        return close(actual.real, expected.real, tolerance) and close(actual.imag, expected.imag, tolerance)
    return bool(actual == expected)


def close(actual: float, expected: float, tolerance: float) -> bool:
    """Whether two numbers are equal, or within `tolerance`: relative to the expected one, absolute below 1."""
    if actual == expected or (actual != actual and expected != expected):  # noqa: PLR0124 - NaN alone differs from itself
        return True
    if isinstance(actual, int) and isinstance(expected, int):
        return False
    try:
        if math.isinf(actual) or math.isinf(expected):
            return False
        return abs(actual - expected) <= tolerance * max(1.0, abs(expected))
    except OverflowError:  # an integer beyond every float
        return False


def _few(entries: Any) -> Any:
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"A set or dictionary of more than {MOST_ENTRIES:,} entries can't be compared.")
    return entries


_PLAIN: tuple[tuple[type, Any], ...] = (
    (int, lambda value: int(value) if abs(value) < PLAIN_INT else {"int": hex(value)}),
    (float, float),
    (str, str),
    (bytes, lambda value: {"bytes": value.hex()}),
    (bytearray, lambda value: {"bytes": value.hex()}),
    (complex, lambda value: {"complex": [value.real, value.imag]}),
)
