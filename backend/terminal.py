"""What commands show in the terminal: text as it comes, or JSON for programs."""

import json
import re
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

from backend.access import SYSTEM
from backend.core.errors import NotFound, StoaError
from backend.courses import open_section
from backend.genai import (
    CompletionRequest,
    Event,
    Feature,
    Finished,
    Prompt,
    Restarted,
    Routed,
    TextDelta,
    ToolCall,
    Usage,
    UserMessage,
    close_providers,
    stream,
)
from backend.grading import Results

TERMINAL_CODES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed: an answer must not move the cursor or rename the window."""


async def complete_in_terminal(
    text: str, feature: Feature, section: str | None, model: str | None, *, as_json: bool
) -> bool:
    """Stream the answer to `text` to standard output; whether it was finished."""
    write = _write_json if as_json else _Plain().write
    begun = time.perf_counter()
    finished = False
    try:
        async with aclosing(_answer(text, feature, section, model)) as events:
            async for event in events:
                write(described(event) | {"ms": _since(begun)})
                finished = isinstance(event, Finished)
    except StoaError as error:
        write(_described_error(error) | {"ms": _since(begun)})
    finally:
        await close_providers()
    return finished


async def _answer(text: str, feature: Feature, section: str | None, model: str | None) -> AsyncGenerator[Event, None]:
    request = CompletionRequest(
        feature=feature,
        prompt=Prompt(messages=(UserMessage(text),)),
        section_id=await _section_id(section),
        model=model,
    )
    async with aclosing(stream(request)) as events:
        async for event in events:
            yield event


def show_run(result: Mapping[str, Any], *, as_json: bool) -> None:
    """How a program in the sandbox went: as JSON, or its output, and on standard error what is to be said of it."""
    if as_json:
        _write_json(dict(result))
        return
    _print(TERMINAL_CODES.sub("", result["stdout"]))
    print(TERMINAL_CODES.sub("", result["stderr"]), end="", file=sys.stderr)
    print(f"[{result['sentence']} {result['wall_seconds']:.2f} s, {result['max_rss_kb'] // 1024} MB]", file=sys.stderr)


def show_results(results: Results, *, as_json: bool) -> None:
    """How a program did in tests: as JSON, or a line for each test with what came out where it failed."""
    if as_json:
        _write_json(results.model_dump(mode="json"))
        return
    for test in results.tests:
        _print(TERMINAL_CODES.sub("", f"{test.status}  {test.name}  {test.extra_data.verdict.sentence}") + "\n")
        if test.status == "failed":
            for label, text in (("expected", test.extra_data.expected), ("came out", test.extra_data.actual)):
                _print(f"        {label}: {text!r}\n")
    _print(f"{results.score:g} of {results.max_score:g} points, {results.execution_time:.2f} s\n")


def described(event: Event) -> dict[str, Any]:
    """A completion event as the fields of its JSON line."""
    match event:
        case Routed():
            return {"event": "routed", "model": event.model, "reason": event.reason}
        case TextDelta():
            return {"event": "text", "text": event.text}
        case ToolCall():
            return {"event": "tool_call", "id": event.id, "name": event.name, "arguments": dict(event.arguments)}
        case Usage():
            return {
                "event": "usage",
                "input_tokens": event.input_tokens,
                "output_tokens": event.output_tokens,
                "cached_tokens": event.cached_tokens,
                "reasoning_tokens": event.reasoning_tokens,
                "estimated": event.estimated,
                "cost_usd": float(event.cost_usd) if event.cost_usd is not None else None,
            }
        case Restarted():
            return {"event": "restarted", "model": event.model, "reason": event.reason}
        case Finished():
            return {"event": "finished", "reason": event.reason.value, "model": event.reported_model}


def _described_error(error: StoaError) -> dict[str, Any]:
    """An error as the fields of its JSON line; `detail` and `status` are the provider's."""
    return {
        "event": "error",
        "error": type(error).__name__,
        "reason": error.code,
        "message": error.message,
        "detail": getattr(error, "detail", ""),
        "status": getattr(error, "http_status", None),
    }


async def _section_id(slug: str | None) -> UUID | None:
    if slug is None:
        return None
    try:
        return (await open_section(SYSTEM, slug)).id
    except NotFound:
        raise NotFound(f"There is no section “{slug}”.") from None


def _since(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 1)


def _write_json(event: dict[str, Any]) -> None:
    _print(json.dumps(event, ensure_ascii=False) + "\n")


def _print(text: str) -> None:
    """Write to standard output whatever its encoding can hold."""
    encoding = sys.stdout.encoding
    print(text.encode(encoding, "replace").decode(encoding), end="", flush=True)


class _Plain:
    """The answer on standard output; which model, and what it took, on standard error."""

    def write(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "text":
                _print(TERMINAL_CODES.sub("", event["text"]))
            case "routed" | "restarted":
                self._note(f"[{event['model']}: {event['reason']}]")
            case "usage":
                self._note(f"\n[{event['input_tokens']} tokens in, {event['output_tokens']} out, {event['ms']:.0f} ms]")
            case "tool_call":
                self._note(f"[wants {event['name']}({json.dumps(event['arguments'])})]")
            case "finished":
                print(flush=True)
            case "error":
                self._note(f"\n{event['message']} ({event['detail']})" if event["detail"] else f"\n{event['message']}")

    def _note(self, text: str) -> None:
        print(TERMINAL_CODES.sub("", text), file=sys.stderr, flush=True)
