"""Server-sent events: how batches of frames are answered."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from backend.core.events import Frame

RECONNECT = "retry: 1000\n\n"
"""Milliseconds a browser waits before it reconnects; the default of three seconds feels broken."""
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}},
    204: {"description": "Ended, and nothing newer."},
}
"""The answers of such a route, for OpenAPI."""


def event_stream(batches: AsyncGenerator[list[Frame], None] | None) -> Response:
    """The answer that sends `batches`; 204, at which browsers stop reconnecting, when nothing is left to say."""
    if batches is None:
        return Response(status_code=204)
    return StreamingResponse(
        _encoded(batches),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _encoded(batches: AsyncGenerator[list[Frame], None]) -> AsyncGenerator[str, None]:
    yield RECONNECT
    async with aclosing(batches):
        async for frames in batches:
            yield "".join(frame.encode() for frame in frames)
