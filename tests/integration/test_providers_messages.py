"""Anthropic's wire: each kind of event and each hazard of its stream."""

import json

import pytest

from backend.genai.errors import ContentFiltered, ProviderUnavailable, RateLimited
from backend.genai.schemas import (
    Finished,
    FinishReason,
    Prompt,
    ResponseSchema,
    TextDelta,
    Tool,
    ToolCall,
    Usage,
    UserMessage,
)
from tests.support.replay_answers import anthropic_answer, event, raw_answer, sse
from tests.support.replay_client import answered, failed, text_of, usage_of

START = event("message_start", message={"model": "replay-1", "usage": {"input_tokens": 11, "output_tokens": 1}})
SCHEMA = ResponseSchema("answer", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})


async def test_answer_is_text_then_usage_then_finished():
    events = await answered(anthropic_answer("A mole is a number."))
    assert text_of(events) == "A mole is a number."
    assert events[-2:] == [Usage(11, 5), Finished(FinishReason.STOP, "replay-1")]


async def test_input_tokens_include_the_cached_ones():
    usage = {"input_tokens": 10, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 20}
    events = await answered(anthropic_answer("one two", usage=usage))
    assert usage_of(events) == Usage(100, 2, cached_tokens=70)


async def test_thinking_is_not_shown_but_counted_where_reported():
    answer = anthropic_answer("A number.", thinking=["Hmm…", " a mole?"]).edit(
        b'"usage": {"output_tokens"', b'"usage": {"output_tokens_details": {"thinking_tokens": 3}, "output_tokens"'
    )
    events = await answered(answer)
    assert text_of(events) == "A number."
    assert usage_of(events).reasoning_tokens == 3


async def test_tool_calls_come_in_order_between_the_texts():
    answer = anthropic_answer(
        "Let me look.",
        tool_calls=[("toolu_1", "search", '{"q": "mole", "limit": 3}'), ("toolu_2", "now", "")],
        stop_reason="tool_use",
    )
    events = await answered(answer)
    assert text_of(events) == "Let me look."
    assert [each for each in events if isinstance(each, ToolCall)] == [
        ToolCall("toolu_1", "search", {"q": "mole", "limit": 3}),
        ToolCall("toolu_2", "now", {}),
    ]
    assert events[-1] == Finished(FinishReason.TOOL_CALLS, "replay-1")


async def test_unparsable_tool_input_is_kept_as_text():
    answer = anthropic_answer("", tool_calls=[("toolu_1", "search", '{"q": "mo')], stop_reason="max_tokens")
    events = await answered(answer)
    assert events[0] == ToolCall("toolu_1", "search", {"_raw": '{"q": "mo'})
    assert events[-1] == Finished(FinishReason.LENGTH, "replay-1")


async def test_tool_input_given_whole_at_the_start_of_its_block():
    block = {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"q": "mole"}}
    stop = event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5})
    start = event("content_block_start", index=0, content_block=block)
    events = await answered(raw_answer(START, start, stop, event("message_stop"), wire="anthropic"))
    assert events[0] == ToolCall("toolu_1", "search", {"q": "mole"})


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("something_new", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
    ],
)
async def test_stop_reason(sent: str, reason: FinishReason):
    assert (await answered(anthropic_answer(stop_reason=sent)))[-1] == Finished(reason, "replay-1")


async def test_refusal_is_the_content_filter_and_its_usage_is_told():
    details = {"type": "refusal", "category": "bio", "explanation": "This can't be answered."}
    stop = event("message_delta", delta={"stop_reason": "refusal", "stop_details": details}, usage={"output_tokens": 7})
    events, error = await failed(raw_answer(START, stop, event("message_stop"), wire="anthropic"))
    assert isinstance(error, ContentFiltered)
    assert error.detail == "This can't be answered."
    assert events == [Usage(11, 7)]


@pytest.mark.parametrize("size", [1, 5])
async def test_events_split_anywhere(size: int):
    events = await answered(anthropic_answer("Größe: 6,022·10²³ 🙂", thinking=["so"]).split(size))
    assert text_of(events) == "Größe: 6,022·10²³ 🙂"


async def test_events_joined():
    assert text_of(await answered(anthropic_answer("one two three").joined())) == "one two three"


async def test_pings_comments_and_unknown_events_are_passed_over():
    answer = anthropic_answer("one two").insert(event("ping"), 1).insert(b": hold on\n\n", 1)
    unknown = event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {}})
    events = await answered(answer.insert(unknown, 1).insert(event("hologram", depth=3), 1))
    assert text_of(events) == "one two"


@pytest.mark.parametrize(
    "bad",
    [
        b"event: content_block_delta\ndata: {\n\n",
        b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n',
        event("content_block_delta", index=9, delta={"type": "input_json_delta", "partial_json": "{}"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": None}),
        event("content_block_start", index="x", content_block=None),
        event("message_delta", delta=None, usage=None),
        b"data: []\n\n",
    ],
)
async def test_malformed_event_among_good_ones_is_skipped(bad: bytes):
    events = await answered(anthropic_answer("one two three").insert(bad, after=1))
    assert text_of(events) == "one two three"
    assert events[-2:] == [Usage(11, 3), Finished(FinishReason.STOP, "replay-1")]


async def test_missing_message_stop_after_a_stop_reason():
    answer = anthropic_answer("one two").edit(event("message_stop"), b"")
    assert (await answered(answer))[-1] == Finished(FinishReason.STOP, "replay-1")


async def test_stream_that_just_ends_is_cut_and_tells_the_tokens_so_far():
    events, error = await failed(anthropic_answer("one two three").end(after=2))
    assert text_of(events) == "one two "
    assert isinstance(error, ProviderUnavailable)
    assert events[-1] == Usage(11, 2, estimated=True)


async def test_absent_usage_is_estimated():
    answer = anthropic_answer("one two").edit(b'"usage"', b'"usages"')
    assert usage_of(await answered(answer)).estimated


@pytest.mark.parametrize(
    ("kind", "family", "status"),
    [("overloaded_error", ProviderUnavailable, 529), ("rate_limit_error", RateLimited, 429)],
)
async def test_error_event_inside_a_stream(kind: str, family: type[Exception], status: int):
    error_event = event("error", error={"type": kind, "message": "Not now"})
    events, error = await failed(anthropic_answer("one two").insert(error_event, after=1))
    assert text_of(events) == "one "
    assert type(error) is family
    assert (error.http_status, error.detail) == (status, f"{kind}: Not now")


async def test_forced_answer_tool_is_told_as_text():
    answer = anthropic_answer("", tool_calls=[("toolu_1", "answer", '{"n": 6022}')], stop_reason="tool_use")
    events = await answered(answer, Prompt([UserMessage("n?")], response_schema=SCHEMA), supports_json_schema=False)
    assert json.loads(text_of(events)) == {"n": 6022}
    assert not [each for each in events if isinstance(each, ToolCall)]
    assert events[-1] == Finished(FinishReason.STOP, "replay-1")


async def test_empty_input_of_the_forced_answer_tool_is_an_empty_object():
    answer = anthropic_answer("", tool_calls=[("toolu_1", "answer", "")], stop_reason="tool_use")
    events = await answered(answer, Prompt([UserMessage("n?")], response_schema=SCHEMA), supports_json_schema=False)
    assert text_of(events) == "{}"


async def test_other_tools_beside_the_forced_answer_tool_stay_calls():
    answer = anthropic_answer("", tool_calls=[("toolu_1", "search", '{"q": "n"}')], stop_reason="tool_use")
    prompt = Prompt(
        [UserMessage("n?")], tools=[Tool("search", "Searches.", {"type": "object"})], response_schema=SCHEMA
    )
    events = await answered(answer, prompt, supports_json_schema=False)
    assert events[0] == ToolCall("toolu_1", "search", {"q": "n"})
    assert events[-1] == Finished(FinishReason.TOOL_CALLS, "replay-1")


async def test_data_only_events_are_read_too():
    answer = anthropic_answer("one two").edit(b"event: content_block_delta\n", b"")
    assert text_of(await answered(answer)) == "one two"


async def test_text_at_the_start_of_a_block():
    start = event("content_block_start", index=0, content_block={"type": "text", "text": "Hi"})
    stop = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    events = await answered(raw_answer(START, start, stop, sse({"type": "message_stop"}), wire="anthropic"))
    assert events[0] == TextDelta("Hi")
