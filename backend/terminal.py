"""A completion in the terminal: text as it comes, or one JSON event per line for programs."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

from backend.access import SYSTEM
from backend.core.errors import Invalid
from backend.courses import open_section
from backend.genai import (
    CompletionError,
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

Writer = Callable[[dict[str, Any]], None]


async def complete_in_terminal(
    text: str, feature: Feature, section: str | None, model: str | None, *, as_json: bool
) -> bool:
    """Stream the answer to `text` to standard output; whether it was finished."""
    if feature is Feature.SEMANTIC_SEARCH:
        raise Invalid("semantic_search has an embedding model, which doesn't write answers.")
    write = _write_json if as_json else _Plain().write
    begun = time.perf_counter()
    request = CompletionRequest(
        feature=feature,
        prompt=Prompt(messages=(UserMessage(text),)),
        section_id=await _section_id(section),
        model=model,
    )
    finished = False
    try:
        async with aclosing(stream(request)) as events:
            async for event in events:
                write(described(event) | {"ms": _since(begun)})
                finished = isinstance(event, Finished)
    except CompletionError as error:
        write(
            {
                "event": "error",
                "error": type(error).__name__,
                "reason": error.code,
                "message": error.message,
                "detail": error.detail,
                "status": error.http_status,
                "ms": _since(begun),
            }
        )
    finally:
        await close_providers()
    return finished


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


async def _section_id(slug: str | None) -> UUID | None:
    return (await open_section(SYSTEM, slug)).id if slug else None


def _since(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 1)


def _write_json(event: dict[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


class _Plain:
    """The answer on standard output; which model, and what it took, on standard error."""

    def write(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "text":
                print(event["text"], end="", flush=True)
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
        print(text, file=sys.stderr, flush=True)
