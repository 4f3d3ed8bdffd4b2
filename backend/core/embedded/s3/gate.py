"""The gate before `nanio`: lets in what is signed and understood, and answers what `nanio` doesn't know.

That is upload forms (POST policies), CORS, conditions, every kind of range, and headers that a signed address pins.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nanio.errors import NoSuchBucket, S3Error
from nanio.handlers._body import read_bounded_body
from nanio.xml import complete_multipart_upload_xml
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from backend.core.embedded.s3.answers import dressed, pinned_headers, preflight
from backend.core.embedded.s3.errors import denied, refusal
from backend.core.embedded.s3.forms import Form
from backend.core.embedded.s3.operations import check_understood
from backend.core.embedded.s3.posts import check_conditions
from backend.core.embedded.s3.reading import unless_unchanged, with_plain_range
from backend.core.embedded.s3.requests import Sent
from backend.core.embedded.s3.shelf import ONLY_IF_ABSENT, Shelf, check_key
from backend.core.embedded.s3.signatures import Keeper
from backend.core.embedded.s3.uploads import Uploads

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Gate:
    """An ASGI application around `inner`, which is `nanio` without a check of its own."""

    inner: Application
    bucket: str
    keeper: Keeper
    shelf: Shelf
    uploads: Uploads
    origins: Collection[str]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        pinned: dict[str, str] = {}
        send = dressed(send, Request(scope).headers.get("origin"), self.origins, pinned)
        with suppress(ClientDisconnect):
            try:
                sent = Sent.read(scope)
                receive = self._let_in(sent, receive)
                pinned.update(pinned_headers(sent))
                answer = await self._own_answer(sent, scope, receive)
            except S3Error as error:
                answer = Response(error.to_xml(), error.http_status, media_type="application/xml")
            await (answer or self.inner)(scope, receive, send)

    def _let_in(self, sent: Sent, receive: Receive) -> Receive:
        """Check who sent the request and what it asks for; returns its body, checked as it is read."""
        if sent.method == "OPTIONS" or _is_form(sent):
            return receive
        in_header, in_query = (
            "authorization" in sent.headers,
            any(name.lower() == "x-amz-signature" for name in sent.query),
        )
        if in_header == in_query:
            raise denied("A request is signed once, in its header or in its query.")
        if in_header:
            receive = _checked(receive, self.keeper.check_header(sent))
        else:
            self.keeper.check_query(sent)
        check_understood(sent)
        if sent.bucket != self.bucket:
            raise NoSuchBucket(resource=sent.bucket)
        return receive

    async def _own_answer(self, sent: Sent, scope: Message, receive: Receive) -> Response | None:
        """The answer to what `nanio` doesn't know; None when it does, with `scope` made ready for it."""
        if sent.method == "OPTIONS":
            return preflight(sent, self.origins)
        if _is_form(sent):
            return await self._post(sent, Request(scope, receive))
        if not sent.key:
            return None
        check_key(sent.key)
        ONLY_IF_ABSENT.set("if-none-match" in sent.headers)
        if "uploadId" in sent.query:
            self.uploads.check(sent)
            return await self._complete(sent, Request(scope, receive)) if sent.method == "POST" else None
        if sent.method in ("GET", "HEAD"):
            found = self.shelf.head_object(sent.bucket, sent.key)
            scope["headers"] = with_plain_range(scope["headers"], sent, found)
            return unless_unchanged(sent, found)
        return None

    async def _post(self, sent: Sent, request: Request) -> Response:
        """Store the file of an upload form."""
        if sent.bucket != self.bucket or sent.key or sent.query:
            raise NoSuchBucket(resource=sent.bucket)
        form = await Form.read(_body(request), sent.headers.get("content-type", ""))
        if not {"key", "policy"} <= form.fields.keys():
            raise denied("The form has no key, or no policy.")
        self.keeper.check_policy(form.fields)
        bounds = check_conditions(form.fields, self.bucket)
        ONLY_IF_ABSENT.set(False)
        stored = await self.shelf.put_object(
            self.bucket,
            form.fields["key"],
            bounds.enforced(form.file()),
            content_type=form.fields.get("content-type", "application/octet-stream"),
        )
        status = form.fields.get("success_action_status")
        return Response(status_code=int(status) if status in ("200", "201") else 204, headers={"ETag": stored.etag})

    async def _complete(self, sent: Sent, request: Request) -> Response:
        """Make one object of its parts."""
        stored = await self.uploads.complete(sent, await read_bounded_body(request))
        xml = complete_multipart_upload_xml(bucket=sent.bucket, key=sent.key, etag=stored.etag, location=sent.path)
        return Response(xml, media_type="application/xml")


def _is_form(sent: Sent) -> bool:
    return sent.method == "POST" and sent.headers.get("content-type", "").startswith("multipart/form-data")


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        yield piece


def _checked(receive: Receive, sha256: str) -> Receive:
    """`receive`, which raises at the body's end when it wasn't the body that was signed."""
    digest = hashlib.sha256()

    async def receiving() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            digest.update(message.get("body", b""))
            if not message.get("more_body") and not hmac.compare_digest(digest.hexdigest(), sha256):
                raise refusal(400, "XAmzContentSHA256Mismatch", "The body isn't the one that was signed.")
        return message

    return receiving
