"""A completion's events as lines of JSON."""

import json
from decimal import Decimal

import pytest

from backend.genai import Event, Finished, Restarted, Routed, TextDelta, ToolCall, Usage
from backend.genai.schemas import FinishReason
from backend.terminal import described

EVENTS = [
    (Routed("claude", "primary"), {"event": "routed", "model": "claude", "reason": "primary"}),
    (TextDelta("Hé"), {"event": "text", "text": "Hé"}),
    (
        ToolCall("1", "look_up", {"word": "mole"}),
        {"event": "tool_call", "id": "1", "name": "look_up", "arguments": {"word": "mole"}},
    ),
    (
        Usage(11, 7, cached_tokens=5, reasoning_tokens=2, estimated=True, cost_usd=Decimal("0.00012")),
        {
            "event": "usage",
            "input_tokens": 11,
            "output_tokens": 7,
            "cached_tokens": 5,
            "reasoning_tokens": 2,
            "estimated": True,
            "cost_usd": 0.00012,
        },
    ),
    (
        Restarted("openai", "failed_over:provider_unavailable"),
        {"event": "restarted", "model": "openai", "reason": "failed_over:provider_unavailable"},
    ),
    (Finished(FinishReason.LENGTH, "m-1"), {"event": "finished", "reason": "length", "model": "m-1"}),
]


@pytest.mark.parametrize(("event", "fields"), EVENTS, ids=lambda each: type(each).__name__)
def test_an_event_has_its_fields(event: Event, fields: dict[str, object]) -> None:
    assert described(event) == fields
    assert json.loads(json.dumps(described(event))) == fields


def test_an_unknown_price_is_null() -> None:
    assert described(Usage(1, 1))["cost_usd"] is None
