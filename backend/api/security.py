"""What every response and request goes through: an id, headers, a content policy, Origin checks, size limits."""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core.logs import request_id_from
from backend.core.settings import get_settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY = 1_000_000
"""Bytes. Nothing that people post here is larger; files go straight to storage."""
IMMUTABLE = "public, max-age=31536000, immutable"
INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)

FIXED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware around pages, websocket and API alike.

    `inline_scripts` are the hashes of the scripts that the built pages carry: no other inline script ever runs.
    """

    def __init__(self, app: ASGIApp, inline_scripts: Iterable[str] = ()) -> None:
        self._app = app
        self._policy = content_policy(inline_scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on under its id, with headers added to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = refuse(scope)
        app = refusal or self._app
        request_id = request_id_from(Headers(scope=scope).get("x-request-id"))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await app(scope, _Capped(receive), self._with_headers(scope, send, request_id))

    def _with_headers(self, scope: Scope, send: Send, request_id: str) -> Send:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Content-Security-Policy", self._policy)
                for name, value in FIXED_HEADERS.items():
                    headers.setdefault(name, value)
                if get_settings().secure_cookies:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                _set_caching(scope["path"], message["status"], headers)
            await send(message)

        return add


def _set_caching(path: str, status: int, headers: MutableHeaders) -> None:
    """Built assets carry a hash in their name; what people see of their own is never kept by a proxy."""
    if path.startswith("/assets/") and status == 200:
        headers["Cache-Control"] = IMMUTABLE
    elif path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")


def content_policy(inline_scripts: Iterable[str] = ()) -> str:
    """The Content-Security-Policy: our own origin only, no eval, no inline script but those with these hashes.

    Styles may be inline: Radix and KaTeX position things with style attributes.
    """
    sockets = " ".join(origin.replace("http", "ws", 1) for origin in get_settings().origins)
    scripts = " ".join(["'self'", *(f"'{each}'" for each in inline_scripts)])
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            f"connect-src 'self' {sockets}",
            "frame-ancestors 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "object-src 'none'",
        ]
    )


def script_hashes(html: bytes) -> set[str]:
    """The CSP hash sources of the inline scripts in a page (CSP Level 3, §2.3.1)."""
    digests = (hashlib.sha256(body).digest() for body in INLINE_SCRIPT.findall(html))
    return {f"sha256-{base64.b64encode(digest).decode()}" for digest in digests}


def page_script_hashes(build: Path) -> set[str]:
    """The hashes of all inline scripts in a finished build's pages."""
    return set().union(*(script_hashes(page.read_bytes()) for page in build.rglob("*.html")))


def refuse(scope: Scope) -> ASGIApp | None:
    """The answer to a request that must not go on: posted by another site, or too large."""
    headers = Headers(scope=scope)
    if scope["method"] not in SAFE_METHODS and not _same_site(headers):
        return _refusal(403, "wrong_origin", "This request came from another site.")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or not length.isascii() or len(length) > 9 or int(length) > MAX_BODY:
        return _refusal(413, "too_large", "That is too large.")
    return None


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def _same_site(headers: Headers) -> bool:
    """Whether a changing request comes from one of our pages.

    Browsers send `Origin` with every POST; where it is missing, `Referer` and `Sec-Fetch-Site` speak. A request with
    none of the three is no browser's, so no cookie rides on it unasked.
    """
    allowed = get_settings().origins
    if (origin := headers.get("origin")) is not None:
        return origin in allowed
    if (referer := headers.get("referer")) is not None:
        return referer.startswith(tuple(f"{each}/" for each in allowed))
    return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


class _Capped:
    """A `receive` that ends a body without declared length once it is too large."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MAX_BODY

    async def __call__(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                return {"type": "http.disconnect"}
        return message
