"""The headers of every answer: which pages may read it, what a signed address pins, and that it is no page itself."""

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from backend.core.embedded.s3.errors import invalid
from backend.core.embedded.s3.operations import PINNED
from backend.core.embedded.s3.requests import Sent

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
}


def dressed(send: Send, origin: str | None, origins: Collection[str], pinned: Mapping[str, str]) -> Send:
    """`send`, with our headers added to the start of the answer."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers.update(_HARMLESS)
            headers.add_vary_header("Origin")
            if origin and origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = "ETag, Content-Disposition, Content-Range"
            if message["status"] in (200, 206):
                headers.update(pinned)
        await send(message)

    return sending


def pinned_headers(sent: Sent) -> dict[str, str]:
    """Headers that the signed address sets. Raises S3's 400 for a value that is more than one header's."""
    headers = {PINNED[name]: value for name, value in sent.query.items() if name in PINNED}
    for value in headers.values():
        if not value.isascii() or not value.isprintable():
            raise invalid("A header's value is printable ASCII.")
    return headers


def preflight(sent: Sent, origins: Collection[str]) -> Response:
    """The answer to a browser that asks whether a page of that origin may read and post."""
    wanted = sent.headers.get("access-control-request-method")
    if sent.headers.get("origin") not in origins or wanted not in ("GET", "HEAD", "POST"):
        return Response(status_code=403)
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "GET, HEAD, POST",
            "Access-Control-Allow-Headers": "content-type, range",
            "Access-Control-Max-Age": "600",
        },
    )
