"""What a replay server says: whole answers in a provider's real wire format, and the faults that befall them.

An `Answer` is made by `openai_answer`, `anthropic_answer`, `openai_error`, `anthropic_error` or `raw_answer`, and
changed by its methods, each of which returns a new one: `openai_answer("Hello there").pace(30).cut(after=1)`. Faults
count tokens: `after=0` is before the first token but after whatever the wire sends before it.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

Wire = Literal["openai", "anthropic"]

MODEL = "replay-1"


class Fault(Enum):
    """How a body stops being sent."""

    HANG = "silent until the client leaves"
    CUT = "the connection is closed without the body's end"
    RESET = "the connection is reset"
    END = "the body ends properly, too early"


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds of silence."""

    seconds: float


class Token(bytes):
    """An event that carries a piece of the answer."""

    __slots__ = ()

    def now(self) -> bytes:
        """The event as it is sent."""
        return self


class StampedToken(Token):
    """A token whose text is the moment it was sent, `time.time()`, for measuring delays."""

    __slots__ = ()

    def now(self) -> bytes:
        """The event with the present moment."""
        return self.replace(b"@", b"%.6f " % time.time(), 1)


class UsageEvent(bytes):
    """OpenAI's usage event, sent only to those who ask for it."""

    __slots__ = ()


Step = bytes | Pause | Fault


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted response."""

    wire: Wire
    steps: tuple[Step, ...]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream; charset=utf-8"),)
    before_headers: Pause | Fault | None = None
    seconds_per_token: float = 0.0
    piece: int | None = None
    """Bytes per HTTP chunk; None: an event each."""
    seconds_per_piece: float = 0.0

    def pace(self, tokens_per_second: float) -> "Answer":
        """Send so many tokens a second, the first one after one interval."""
        return replace(self, seconds_per_token=1 / tokens_per_second)

    def split(self, size: int = 1, seconds: float = 0.0) -> "Answer":
        """Send the body in pieces of `size` bytes, wherever that cuts, with `seconds` between them."""
        return replace(self, piece=size, seconds_per_piece=seconds)

    def joined(self) -> "Answer":
        """Send the whole body at once."""
        assert all(isinstance(step, bytes) for step in self.steps), "only a plain body can be sent at once"
        return replace(self, steps=(b"".join(step for step in self.steps if isinstance(step, bytes)),))

    def with_headers(self, **headers: str) -> "Answer":
        """Add headers: `with_headers(retry_after="3")`."""
        added = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return replace(self, headers=self.headers + added)

    def late(self, seconds: float) -> "Answer":
        """Let the client wait for the headers."""
        return replace(self, before_headers=Pause(seconds))

    def hang_before_headers(self) -> "Answer":
        """Take the request and say nothing."""
        return replace(self, before_headers=Fault.HANG)

    def reset_before_headers(self) -> "Answer":
        """Take the request and reset the connection."""
        return replace(self, before_headers=Fault.RESET)

    def cut_before_headers(self) -> "Answer":
        """Take the request and close the connection."""
        return replace(self, before_headers=Fault.CUT)

    def hang_after_headers(self) -> "Answer":
        """Send the headers and say nothing more."""
        return replace(self, steps=(Fault.HANG,))

    def hang(self, after: int) -> "Answer":
        """Fall silent after so many tokens."""
        return self.insert(Fault.HANG, after)

    def stall(self, after: int, seconds: float) -> "Answer":
        """Pause once after so many tokens."""
        return self.insert(Pause(seconds), after)

    def cut(self, after: int) -> "Answer":
        """Close the connection after so many tokens, without the body's end."""
        return self.insert(Fault.CUT, after)

    def reset(self, after: int) -> "Answer":
        """Reset the connection after so many tokens."""
        return self.insert(Fault.RESET, after)

    def end(self, after: int) -> "Answer":
        """End the body after so many tokens as if that were all."""
        return self.insert(Fault.END, after)

    def malformed(self, after: int) -> "Answer":
        """Put an event in between that is no JSON."""
        return self.insert(b'data: {"choices": [{"delta": {"con\n\n', after)

    def insert(self, step: Step, after: int) -> "Answer":
        """Put a step in after so many tokens: bytes, a `Pause` or a `Fault`."""
        tokens = [at for at, each in enumerate(self.steps) if isinstance(each, Token)]
        assert after <= len(tokens), f"the answer has only {len(tokens)} tokens"
        at = tokens[after - 1] + 1 if after else tokens[0] if tokens else len(self.steps)
        return replace(self, steps=(*self.steps[:at], step, *self.steps[at:]))

    def edit(self, old: bytes, new: bytes) -> "Answer":
        """Replace bytes of the body throughout, event by event."""
        changed = (type(each)(each.replace(old, new)) if isinstance(each, bytes) else each for each in self.steps)
        return replace(self, steps=tuple(changed))


def openai_answer(
    text: str | Sequence[str] = "Hello from the replay server.",
    *,
    tool_calls: Sequence[tuple[str, str, str]] = (),
    finish_reason: str | None = "stop",
    usage: dict[str, Any] | None = None,
    reasoning: Sequence[str] = (),
    done: bool = True,
    stamped: int = 0,
    model: str = MODEL,
) -> Answer:
    """A chat completion: `text` word by word (or piece by piece), then `tool_calls` of (id, name, JSON arguments).

    `stamped`: so many tokens that hold their sending time, instead of text. `usage` None: the tokens counted here.
    """
    pieces = pieces_of(text)
    tokens: list[bytes] = [chunk({"reasoning_content": thought}, model=model, kind=Token) for thought in reasoning]
    if stamped:
        tokens += [chunk({"content": "@"}, model=model, kind=StampedToken)] * stamped
    else:
        tokens += [chunk({"content": piece}, model=model, kind=Token) for piece in pieces]
    for index, (identifier, name, arguments) in enumerate(tool_calls):
        tokens += tool_call_chunks(index, identifier, name, pieces_of_json(arguments))
    counted = usage or {"prompt_tokens": 11, "completion_tokens": len(tokens), "total_tokens": 11 + len(tokens)}
    usage_event = {**_chunk_head(model), "choices": [], "usage": counted}
    return Answer(
        "openai",
        (
            chunk({"role": "assistant", "content": ""}, model=model),
            *tokens,
            *([chunk({}, finish_reason=finish_reason, model=model)] if finish_reason else []),
            UsageEvent(sse(usage_event)),
            *([b"data: [DONE]\n\n"] if done else []),
        ),
    )


def chunk(
    delta: dict[str, Any], *, finish_reason: str | None = None, model: str = MODEL, kind: type[bytes] = bytes
) -> bytes:
    """One event of a streamed chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return kind(sse({**_chunk_head(model), "choices": [choice]}))


def tool_call_chunks(index: int, identifier: str | None, name: str, fragments: Iterable[str]) -> list[bytes]:
    """The events of one tool call, its arguments in `fragments`."""
    opening: dict[str, Any] = {"index": index, "type": "function", "function": {"name": name, "arguments": ""}}
    if identifier is not None:
        opening["id"] = identifier
    rest = [{"index": index, "function": {"arguments": fragment}} for fragment in fragments]
    return [chunk({"tool_calls": [call]}, kind=Token) for call in [opening, *rest]]


def openai_error(
    status: int, message: str, *, code: str | None = None, type: str = "invalid_request_error", param: str | None = None
) -> Answer:
    """An error as OpenAI answers it."""
    return raw_answer(
        json.dumps({"error": {"message": message, "type": type, "param": param, "code": code}}).encode(),
        status=status,
        content_type="application/json",
    )


def anthropic_answer(
    text: str | Sequence[str] = "Hello from the replay server.",
    *,
    tool_calls: Sequence[tuple[str, str, str]] = (),
    stop_reason: str | None = "end_turn",
    usage: dict[str, Any] | None = None,
    thinking: Sequence[str] = (),
    stamped: int = 0,
    model: str = MODEL,
) -> Answer:
    """A message: thinking, text and tool_use blocks. `usage` is what `message_start` reports besides the output."""
    counted = 0
    events: list[bytes] = []
    for index, (start, deltas) in enumerate(_anthropic_blocks(pieces_of(text), tool_calls, thinking, stamped)):
        kind = StampedToken if stamped else Token
        events.append(event("content_block_start", index=index, content_block=start))
        events += [event("content_block_delta", kind, index=index, delta=delta) for delta in deltas]
        events.append(event("content_block_stop", index=index))
        counted += len(deltas)
    message: dict[str, Any] = {
        "id": "msg_replay",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**(usage or {"input_tokens": 11}), "output_tokens": 1},
    }
    ending = {"stop_reason": stop_reason, "stop_sequence": None}
    return Answer(
        "anthropic",
        (
            event("message_start", message=message),
            event("ping"),
            *events,
            event("message_delta", delta=ending, usage={"output_tokens": counted}),
            event("message_stop"),
        ),
    )


def event(name: str, kind: type[bytes] = bytes, **fields: Any) -> bytes:
    """One named event of a streamed message."""
    return kind(b"event: %b\n%b" % (name.encode(), sse({"type": name, **fields})))


def anthropic_error(status: int, type: str, message: str) -> Answer:
    """An error as Anthropic answers it."""
    body = {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_replay"}
    return replace(
        raw_answer(json.dumps(body).encode(), status=status, content_type="application/json"), wire="anthropic"
    )


def raw_answer(
    *body: Step, status: int = 200, content_type: str = "text/event-stream", wire: Wire = "openai"
) -> Answer:
    """These very bytes."""
    return Answer(wire, body, status, (("content-type", content_type),))


def sse(payload: object) -> bytes:
    """`payload` as the data of one event."""
    return b"data: %b\n\n" % json.dumps(payload, ensure_ascii=False).encode()


def pieces_of(text: str | Sequence[str]) -> list[str]:
    """A text as its words with the spaces after them; pieces as they are."""
    return re.findall(r"\s*\S+\s*", text) if isinstance(text, str) else list(text)


def pieces_of_json(text: str) -> list[str]:
    """A JSON text in fragments of seven characters, which respect no token."""
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def _anthropic_blocks(
    text: Sequence[str], tool_calls: Sequence[tuple[str, str, str]], thinking: Sequence[str], stamped: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each content block as it starts, and its deltas."""
    if thinking:
        thoughts = [{"type": "thinking_delta", "thinking": thought} for thought in thinking]
        yield (
            {"type": "thinking", "thinking": "", "signature": ""},
            [*thoughts, {"type": "signature_delta", "signature": "c2lnbmVk"}],
        )
    if pieces := ["@"] * stamped or text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
    for identifier, name, arguments in tool_calls:
        start = {"type": "tool_use", "id": identifier, "name": name, "input": {}}
        fragments = ["", *pieces_of_json(arguments)]
        yield start, [{"type": "input_json_delta", "partial_json": fragment} for fragment in fragments]


def _chunk_head(model: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-replay",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "system_fingerprint": "fp_replay",
    }
