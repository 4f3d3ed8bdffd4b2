"""What rule a form broke, in the words of people instead of pydantic's."""

from collections.abc import Mapping
from typing import Any

PLAIN = {
    "missing": "This can't be empty.",
    "string_too_short": "This can't be empty.",
    "string_too_long": "At most {max_length} characters.",
    "string_unicode": "This holds characters that can't be stored.",
    "enum": "Choose one of them.",
    "bool_parsing": "Choose yes or no.",
    "float_parsing": "Give a number.",
    "decimal_parsing": "Give a number.",
    "decimal_type": "Give a number.",
    "finite_number": "Give a number.",
    "int_parsing": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "int_parsing_size": "Give a smaller number.",
    "greater_than": "More than {gt:g}.",
    "greater_than_equal": "At least {ge:g}.",
    "less_than_equal": "At most {le:,.10g}.",
    "decimal_max_places": "At most {decimal_places} digits after the point.",
    "decimal_max_digits": "At most {max_digits} digits.",
    "decimal_whole_digits": "At most {whole_digits} digits before the point.",
    "date_from_datetime_parsing": "Give a day such as 2026-05-31.",
    "date_from_datetime_inexact": "Give a day such as 2026-05-31.",
    "date_parsing": "Give a day such as 2026-05-31.",
}
"""Sentences by pydantic's type of error; a form shows them under the field they are about."""


def sentence_of(fault: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence; a validator of ours says it in its own words."""
    if known := PLAIN.get(fault["type"]):
        return known.format(**fault.get("ctx", {}))
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith(".") else ".")
