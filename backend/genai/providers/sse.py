"""Server-sent events from bytes that were split or joined anywhere.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, and is kinder than it in
one point: an event that the stream's end cut off from its blank line still counts.
"""

from typing import NamedTuple

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""An event larger than this is not an answer but a server gone wrong; without a limit it would fill the memory."""

_BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event. `name` is empty where the server gave none."""

    name: str
    data: str


class EventTooLarge(ValueError):
    """An event grew over `MAX_EVENT_BYTES`."""


class SSEDecoder:
    """Feed it the body as it arrives; the events are the same however the bytes were cut.

    Invalid UTF-8 becomes U+FFFD. Comments, `id:` and `retry:` are dropped, as are events without data.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._ended_with_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that `data` completes. Raises `EventTooLarge`."""
        searched = max(0, len(self._rest) - 1)
        self._rest += self._with_plain_newlines(data)
        if self._rest.find(b"\n\n", searched) >= 0:
            *blocks, rest = bytes(self._rest).split(b"\n\n")
            self._rest = bytearray(rest)
        else:
            blocks = []
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLarge(f"an event is larger than {MAX_EVENT_BYTES} bytes")
        return self._events(blocks)

    def flush(self) -> list[ServerEvent]:
        """The event, if any, that the end of the stream left without its blank line."""
        block, self._rest = bytes(self._rest), bytearray()
        return self._events([block])

    def _with_plain_newlines(self, data: bytes) -> bytes:
        if self._ended_with_cr and data:
            data = data.removeprefix(b"\n")
            self._ended_with_cr = False
        if b"\r" in data:
            self._ended_with_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _events(self, blocks: list[bytes]) -> list[ServerEvent]:
        if self._at_start and blocks:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        return [event for block in blocks if (event := _parse(block)) is not None]


def _parse(block: bytes) -> ServerEvent | None:
    if block.startswith(b"data:") and b"\n" not in block:  # nearly every event of OpenAI's wire
        return ServerEvent("", _value(block[5:]))
    name, data = "", []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            data.append(_value(line[5:]))
        elif line.startswith(b"event:"):
            name = _value(line[6:])
        elif line == b"data":
            data.append("")
    return ServerEvent(name, "\n".join(data)) if data else None


def _value(raw: bytes) -> str:
    return raw.removeprefix(b" ").decode("utf-8", "replace")
