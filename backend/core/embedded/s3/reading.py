"""Conditions and ranges of a read, as HTTP has them (RFC 9110, 13 and 14)."""

import re

from nanio.storage.backend import ObjectInfo
from starlette.responses import Response

from backend.core.embedded.s3.errors import refusal
from backend.core.embedded.s3.requests import Sent

Headers = list[tuple[bytes, bytes]]

_FROM = re.compile(r"bytes=[0-9]{1,18}-[0-9]{0,18}")
_LAST = re.compile(r"bytes=-([0-9]{1,18})")


def unless_unchanged(sent: Sent, found: ObjectInfo) -> Response | None:
    """The answer when the reader has this version already. Raises S3's 412 when it wants another."""
    if "if-match" in sent.headers and not _names(sent.headers["if-match"], found.etag):
        raise refusal(412, "PreconditionFailed", "The object has another ETag.")
    if "if-none-match" in sent.headers and _names(sent.headers["if-none-match"], found.etag):
        return Response(status_code=304, headers={"ETag": found.etag})
    return None


def with_plain_range(headers: Headers, sent: Sent, found: ObjectInfo) -> Headers:
    """The request's headers with a range from a first byte on, or without any: HTTP ignores what isn't a range."""
    wanted = sent.headers.get("range", "")
    others = [(name, value) for name, value in headers if name.lower() != b"range"]
    if sent.headers.get("if-range", found.etag) != found.etag:
        return others
    if last := _LAST.fullmatch(wanted):
        if not int(last[1]):
            raise refusal(416, "InvalidRange", "The range is empty.")
        wanted = f"bytes={max(0, found.size - int(last[1]))}-"
    return [*others, (b"range", wanted.encode())] if _FROM.fullmatch(wanted) else others


def _names(etags: str, etag: str) -> bool:
    given = {each.strip().removeprefix("W/") for each in etags.split(",")}
    return "*" in given or etag in given
