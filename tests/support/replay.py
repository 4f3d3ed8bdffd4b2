"""A provider's server that plays scripted answers over real sockets, in OpenAI's and Anthropic's wire formats.

In a test:

    async with Replay.openai("Hello there", tokens_per_second=30) as replay:
        provider = open_provider(replay.spec())
        ...
        assert replay.requests[0].json["messages"]

    async with Replay(openai_error(503, "overloaded"), openai_answer("Hello").cut(after=1)) as replay: ...

Answers are played in order, the last one again and again; each wire has its own order, chosen by the request's path.
Where an answer depends on the request, give a function of it. `replay_answers` has the answers and their faults.

On its own, as a benchmark's load: `python -m tests.support.replay --port 9000 --tokens-per-second 30 --tokens 300`.
"""

import argparse
import asyncio
import json
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast
from uuid import uuid4

from backend.genai.schemas import ModelSpec, ProviderName
from tests.support.replay_answers import (
    MODEL,
    Answer,
    Fault,
    Pause,
    Step,
    Token,
    UsageEvent,
    Wire,
    anthropic_answer,
    anthropic_error,
    openai_answer,
    openai_error,
)

API_KEY = "sk-replay-0123456789abcdef"
"""The key of `Replay.spec`: it must appear in no error and no log."""

PATHS: dict[str, Wire] = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}


@dataclass(slots=True)
class Received:
    """One request, and what became of its connection. Moments are `time.monotonic()`."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)
    answered: bool = False
    """The whole answer was written."""
    closed_at: float | None = None
    """When the client's end of the connection was gone."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def hung_up(self) -> bool:
        """The client left before it had the whole answer."""
        return self.closed_at is not None and not self.answered


Script = Answer | Callable[[Received], Answer]


class Replay:
    """The server; an async context manager."""

    def __init__(self, *script: Script, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.paths = dict(PATHS)
        self.requests: list[Received] = []
        self.connections_opened = 0
        self.under_way = 0
        """Requests whose answer isn't written to its end, and whose client hasn't left."""
        self.most_under_way = 0
        self.port = port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self.play(*script)

    @classmethod
    def openai(cls, text: str = "Hello there.", tokens_per_second: float | None = None, **how: Any) -> Self:
        """A server that speaks OpenAI's wire and always gives this answer; `how` as for `openai_answer`."""
        answer = openai_answer(text, **how)
        return cls(answer.pace(tokens_per_second) if tokens_per_second else answer)

    @classmethod
    def anthropic(cls, text: str = "Hello there.", tokens_per_second: float | None = None, **how: Any) -> Self:
        """A server that speaks Anthropic's wire and always gives this answer; `how` as for `anthropic_answer`."""
        answer = anthropic_answer(text, **how)
        return cls(answer.pace(tokens_per_second) if tokens_per_second else answer)

    def play(self, *script: Script) -> None:
        """Begin another script."""
        self._script = list(script)
        self._played: dict[Wire, int] = {}

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def spec(self, provider: ProviderName | None = None, **changes: Any) -> ModelSpec:
        """A model served here, by the wire of the first answer unless `provider` says otherwise."""
        first = self._script[0] if self._script else None
        wire = first.wire if isinstance(first, Answer) else "openai"
        provider = provider or ProviderName(wire)
        base_url = f"{self.url}/v1" if provider is ProviderName.OPENAI else self.url
        fields: dict[str, Any] = {"name": "replay", "model": MODEL, "base_url": base_url, "api_key": API_KEY}
        return ModelSpec(**{"id": uuid4(), "provider": provider, **fields, **changes})

    async def start(self) -> None:
        """Listen; `port` is set."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, backlog=1024, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._open):
            connection.drop()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def answer_to(self, request: Received) -> Answer:
        """The answer that is due, or the error that the real API gives to a request like this."""
        wire = self.paths.get(request.path.partition("?")[0])
        if wire is None or request.method != "POST":
            return openai_error(404, f"Invalid URL ({request.method} {request.path})")
        if wrong := _refusal(wire, request):
            return wrong
        script = [each for each in self._script if not isinstance(each, Answer) or each.wire == wire]
        if not script:
            return openai_error(404, "this replay server speaks another wire")
        position = self._played.get(wire, 0)
        self._played[wire] = position + 1
        due = script[min(position, len(script) - 1)]
        return due if isinstance(due, Answer) else due(request)


def _refusal(wire: Wire, request: Received) -> Answer | None:
    """What both APIs check before they answer."""
    try:
        body = request.json
    except ValueError:
        return openai_error(400, "We could not parse the JSON body of your request.")
    if wire == "openai":
        missing = {"model", "messages"} - set(body)
        return openai_error(400, f"Missing required parameter: {sorted(missing)}") if missing else None
    if not {"authorization", "x-api-key"} & set(request.headers):
        return anthropic_error(401, "authentication_error", "x-api-key header is required")
    if "anthropic-version" not in request.headers:
        return anthropic_error(400, "invalid_request_error", "anthropic-version: header is required")
    if missing := {"model", "messages", "max_tokens"} - set(body):
        return anthropic_error(400, "invalid_request_error", f"{sorted(missing)}: Field required")
    return None


class _Connection(asyncio.Protocol):
    """One client's connection: HTTP/1.1, keep-alive, one request at a time."""

    _transport: asyncio.Transport

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._buffer = b""
        self._current: Received | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't one by class
        self._replay.connections_opened += 1
        self._replay._open.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._serve_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._replay._open.discard(self)
        if self._task is not None:
            self._task.cancel()
        if self._current is not None:
            self._current.closed_at = time.monotonic()
            self._current.closed.set()

    def drop(self) -> None:
        """Hang up now."""
        self._transport.abort()

    def _serve_next(self) -> None:
        if self._task is None and (request := self._take_request()) is not None:
            self._current = request
            self._replay.requests.append(request)
            self._task = asyncio.get_running_loop().create_task(self._serve(request))

    def _take_request(self) -> Received | None:
        head, complete, rest = self._buffer.partition(b"\r\n\r\n")
        if not complete:
            return None
        request_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, path, _ = request_line.split(" ")
        return Received(method, path, headers, rest[:length])

    async def _serve(self, request: Received) -> None:
        replay = self._replay
        replay.under_way += 1
        replay.most_under_way = max(replay.most_under_way, replay.under_way)
        try:
            await self._send(replay.answer_to(request), request)
        finally:
            replay.under_way -= 1
        self._task = None
        self._serve_next()

    async def _send(self, answer: Answer, request: Received) -> None:
        if answer.before_headers is not None:
            await self._befall(answer.before_headers)
        head = f"HTTP/1.1 {answer.status} Replayed\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        self._transport.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        due = time.monotonic()
        for step in _wanted(answer, request):
            if isinstance(step, Token) and answer.seconds_per_token:
                due += answer.seconds_per_token
                await asyncio.sleep(due - time.monotonic())
            if isinstance(step, bytes):
                await self._write(step.now() if isinstance(step, Token) else step, answer)
            elif step is Fault.END:
                break
            else:
                await self._befall(step)
        request.answered = True
        self._transport.write(b"0\r\n\r\n")

    async def _write(self, data: bytes, answer: Answer) -> None:
        size = answer.piece or len(data) or 1
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if answer.piece:
                await asyncio.sleep(answer.seconds_per_piece)

    async def _befall(self, step: Pause | Fault) -> None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return
        if step is Fault.CUT:
            self._current = None  # it isn't the client who leaves
            self._transport.close()
        elif step is Fault.RESET:
            self._current = None
            await asyncio.sleep(0.02)  # a reset overtakes what the client hasn't read yet
            self._reset()
        await asyncio.Event().wait()  # until `connection_lost` cancels

    def _reset(self) -> None:
        no_lingering = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
        self._transport.abort()


def _wanted(answer: Answer, request: Received) -> Iterator[Step]:
    wants_usage = answer.wire == "anthropic" or _asks_for_usage(request)
    return (step for step in answer.steps if wants_usage or not isinstance(step, UsageEvent))


def _asks_for_usage(request: Received) -> bool:
    try:
        return bool((request.json.get("stream_options") or {}).get("include_usage"))
    except (ValueError, AttributeError):
        return False


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of this machine that refuses connections for as long as the context lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def unanswered_port() -> Iterator[int]:
    """A port where connecting gets no answer at all: its queue of waiting connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            yield address[1]
        finally:
            for each in waiting:
                each.close()


async def _run(arguments: argparse.Namespace) -> None:
    pieces = ["token "] * arguments.tokens
    stamped = arguments.tokens if arguments.stamped else 0
    answers = [openai_answer(pieces, stamped=stamped), anthropic_answer(pieces, stamped=stamped)]
    if arguments.tokens_per_second:
        answers = [answer.pace(arguments.tokens_per_second) for answer in answers]
    if arguments.late:
        answers = [answer.late(arguments.late) for answer in answers]
    async with Replay(*answers, port=arguments.port) as replay:
        print(f"listening on {replay.url}", flush=True)
        await asyncio.Event().wait()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.replay", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="default: a free one, which is printed")
    parser.add_argument("--tokens", type=int, default=300, help="tokens per answer")
    parser.add_argument("--tokens-per-second", type=float, default=0, help="default: as fast as it goes")
    parser.add_argument("--late", type=float, default=0, help="seconds before the headers")
    parser.add_argument("--stamped", action="store_true", help="each token is the time.time() of its sending")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        asyncio.run(_run(_arguments(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(0)
