"""Upload forms: a browser's POST with a policy that we signed, which says what may be uploaded, where and how much."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backend.core.embedded.s3.errors import denied, refusal

LARGEST = 5 * 1024**3
"""Bytes of S3's largest upload in one request."""
_FIELDS = frozenset(
    {"key", "bucket", "content-type", "policy", "success_action_status"}
    | {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
)
_FREE = frozenset({"policy", "x-amz-signature"})  # fields that no condition has to allow


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes the file may have."""

    least: int = 0
    most: int = LARGEST

    async def enforced(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """`pieces`, as long as they keep to the bounds; raises where they don't."""
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > self.most:
                raise refusal(400, "EntityTooLarge", f"The file may have {self.most} bytes at most.")
            yield piece
        if size < self.least:
            raise refusal(400, "EntityTooSmall", f"The file must have {self.least} bytes at least.")


def check_conditions(fields: Mapping[str, str], bucket: str) -> Bounds:
    """Whether a form's fields are what its policy allows, all of them; returns how large the file may be.

    The policy's signature is checked already; `fields` have lower-case names.
    """
    if unknown := set(fields) - _FIELDS:
        raise denied(f"The form's field {min(unknown)} isn't allowed.")
    policy = _policy(fields["policy"])
    given = {"bucket": bucket, **fields}
    if given["bucket"] != bucket:
        raise denied("The form is for another bucket.")
    bounds, allowed = Bounds(), set[str]()
    for condition in policy:
        match condition:
            case ["content-length-range", int(least), int(most)]:
                bounds = Bounds(max(bounds.least, least), min(bounds.most, most))
            case ["eq" | "starts-with" as how, str(name), str(value)] if name.startswith("$"):
                allowed.add(_met(given, name[1:], value, exact=how == "eq"))
            case dict() if len(condition) == 1 and isinstance(value := next(iter(condition.values())), str):
                allowed.add(_met(given, next(iter(condition)), value, exact=True))
            case _:
                raise denied("The policy has a condition that isn't understood.")
    if not {"key", "bucket"} <= allowed or set(fields) - allowed - _FREE:
        raise denied("The form has a field that its policy doesn't name.")
    return bounds


def _policy(encoded: str) -> list[Any]:
    """The conditions of a policy that hasn't expired."""
    try:
        policy = json.loads(base64.b64decode(encoded, validate=True))
        expiration = datetime.fromisoformat(policy["expiration"])
        conditions = policy["conditions"]
        expired = expiration <= datetime.now(UTC)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise denied("The policy can't be read.") from None
    if expired:
        raise denied("The form has expired.")
    if not isinstance(conditions, list):
        raise denied("The policy can't be read.")
    return conditions


def _met(fields: Mapping[str, str], name: str, value: str, exact: bool) -> str:
    """The name of the field that the condition is about, when the form meets it."""
    name = name.lower()
    found = fields.get(name)
    if found is None or (found != value if exact else not found.startswith(value)):
        raise denied(f"The form's {name} isn't what its policy says.")
    return name
