"""Whether what a program printed is what was expected."""

import re

from backend.courses.exercises import Comparison
from backend.grading.container.wire import close

NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)
"""There is one way only to match digits: a student's word of a megabyte of them must not take minutes to refuse."""

IN_WORDS = {
    Comparison.EXACT: "Every character counts, except the end of the last line.",
    Comparison.WHITESPACE: "Spaces and line breaks don't matter.",
    Comparison.NUMERIC: "Spaces and line breaks don't matter, and numbers may differ by {tolerance:g} of their size.",
}


def in_words(comparison: Comparison, tolerance: float) -> str:
    """The rule as a student reads it."""
    return IN_WORDS[comparison].format(tolerance=tolerance)


def matches(actual: str, expected: str, comparison: Comparison, tolerance: float = 0.0) -> bool:
    """Whether `actual` is as good as `expected`."""
    if comparison is Comparison.EXACT:
        return _lines(actual) == _lines(expected)
    words, wanted = actual.split(), expected.split()
    if comparison is Comparison.WHITESPACE:
        return words == wanted
    return len(words) == len(wanted) and all(
        _alike(word, want, tolerance) for word, want in zip(words, wanted, strict=True)
    )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\n")


def _alike(word: str, wanted: str, tolerance: float) -> bool:
    if word == wanted:
        return True
    if not (NUMBER.fullmatch(word) and NUMBER.fullmatch(wanted)):
        return False
    return close(float(word), float(wanted), tolerance)
