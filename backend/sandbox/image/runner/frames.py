"""Frames: a length of four bytes, big-endian, and as much JSON. Bytes in it are base64."""

import json
import os
from typing import Any


def read(descriptor: int) -> dict[str, Any] | None:
    """The next frame; None when the other side hung up."""
    head = _exactly(descriptor, 4)
    body = _exactly(descriptor, int.from_bytes(head, "big")) if head else b""
    return json.loads(body) if body else None


def write(descriptor: int, content: dict[str, Any]) -> None:
    """Send a frame, however long it is."""
    body = json.dumps(content).encode()
    left = memoryview(len(body).to_bytes(4, "big") + body)
    while left:
        left = left[os.write(descriptor, left) :]


def _exactly(descriptor: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)
