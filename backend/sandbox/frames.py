"""Frames to and from the runner, over an attached stream that the engine cuts into pieces of its own.

A frame is a length of four bytes, big-endian, and as much JSON. The engine puts eight bytes before each piece: the
stream's number, three zeros, the piece's length (its API's "attach": multiplexed streams).
"""

import base64
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from backend.sandbox.schemas import Command, Limits, Outcome

PIECE = 8
STDOUT = 1
ANSWERS_RECORD = 400_000
"""Bytes that the rest of an answer may have: 400 paths, names of files, numbers."""


class Broken(Exception):
    """The other side hung up, was too slow, or sent what no frame may be."""


def request_of(secret: str, command: Command, limits: Limits, record: bool) -> dict[str, Any]:
    """A command as the runner takes it. Programs don't know `secret`, so none can write the answer itself."""
    return {
        "id": secret,
        "argv": list(command.argv),
        "files": {path: base64.b64encode(content).decode() for path, content in command.files.items()},
        "stdin": base64.b64encode(command.stdin).decode(),
        "collect": list(command.collect),
        "hash_seed": command.hash_seed,
        "wall_s": limits.wall_seconds,
        "cpu_s": limits.cpu_seconds,
        "processes": limits.processes,
        "output_max": limits.output_bytes,
        "collect_max": limits.collect_bytes,
        "record": record,
    }


def outcome_of(answer: dict[str, Any], secret: str) -> Outcome:
    """What the runner answered to request `secret`. Raises `Broken` when that isn't what it says it is."""
    try:
        if answer["id"] != secret:
            raise Broken("an answer to something else")
        return Outcome(
            exit_code=answer["exit"],
            signal=answer["signal"],
            timed_out=answer["timed_out"],
            truncated=answer["truncated"],
            out_of_memory=answer["oom"],
            processes_refused=answer["refused"],
            stdout=base64.b64decode(answer["stdout"]),
            stderr=base64.b64decode(answer["stderr"]),
            wall_seconds=answer["wall_s"],
            cpu_seconds=answer["cpu_s"],
            max_rss_kb=answer["maxrss_kb"],
            files={path: base64.b64decode(content) for path, content in answer["files"].items()},
            refused_files=answer["refused_files"],
            executed=tuple(answer["executed"]),
            opened=tuple(answer["opened"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Broken("an answer of another form") from error


def largest_answer(limits: Limits) -> int:
    """Bytes that an honest answer has at most."""
    return (2 * limits.output_bytes + limits.collect_bytes) * 4 // 3 + ANSWERS_RECORD


def send(stream: socket.socket, content: dict[str, Any], seconds: float) -> None:
    """Send one frame. Raises `Broken`."""
    body = json.dumps(content).encode()
    stream.settimeout(seconds)
    try:
        stream.sendall(len(body).to_bytes(4, "big") + body)
    except OSError as error:
        raise Broken(f"sending failed: {type(error).__name__}") from error


def receive(stream: socket.socket, seconds: float, most: int) -> dict[str, Any]:
    """The next frame within `seconds`, of at most `most` bytes. Raises `Broken`."""
    pieces = _pieces(stream, time.monotonic() + seconds)
    text = bytearray()
    while len(text) < 4:
        text += next(pieces)
    size = int.from_bytes(text[:4], "big")
    if size > most:
        raise Broken("a frame too large")
    while len(text) < 4 + size:
        text += next(pieces)
    try:
        content = json.loads(text[4:])
    except (ValueError, RecursionError) as error:
        raise Broken("a frame that isn't JSON") from error
    if not isinstance(content, dict):
        raise Broken("a frame that isn't an object")
    return content


def _pieces(stream: socket.socket, deadline: float) -> Iterator[bytes]:
    """What the runner wrote, piece by piece."""
    while True:
        head = _exactly(stream, PIECE, deadline)
        piece = _exactly(stream, int.from_bytes(head[4:], "big"), deadline)
        if head[0] == STDOUT:
            yield piece


def _exactly(stream: socket.socket, size: int, deadline: float) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Broken("too slow")
        stream.settimeout(left)
        try:
            part = stream.recv(min(size - len(parts), 1 << 20))
        except OSError as error:
            raise Broken(f"receiving failed: {type(error).__name__}") from error
        if not part:
            raise Broken("it hung up")
        parts += part
    return bytes(parts)
