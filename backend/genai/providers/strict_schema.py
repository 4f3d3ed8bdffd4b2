"""JSON schemas in the form that OpenAI's strict structured output takes.

Strict mode wants every object closed and all of its properties required:
https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from collections.abc import Mapping
from typing import Any

_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """`schema` narrowed to strict mode, so that what satisfies it satisfies `schema` too.

    None where that can't be: an object with free keys, or a text of limited length, has no strict form.
    """
    try:
        return _closed(schema)
    except _NotStrict:
        return None


class _NotStrict(Exception):
    """The schema says something that strict mode refuses."""


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "maxLength" in schema:
        raise _NotStrict
    closed = dict(schema)
    if schema.get("type") == "object" or "properties" in schema:
        if not schema.get("properties") or schema.get("additionalProperties", False) is not False:
            raise _NotStrict
        closed |= {"additionalProperties": False, "required": list(schema["properties"])}
    for key in _NAMED:
        if key in schema:
            closed[key] = {name: _closed(part) for name, part in schema[key].items()}
    for key in _LISTED:
        if key in schema:
            closed[key] = [_closed(part) for part in schema[key]]
    if isinstance(schema.get("items"), Mapping):
        closed["items"] = _closed(schema["items"])
    return closed
