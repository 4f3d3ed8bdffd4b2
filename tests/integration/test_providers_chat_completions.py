"""OpenAI's wire as real servers send it: each hazard of its stream."""

import json
from typing import Any

import pytest

from backend.genai.errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.schemas import Finished, FinishReason, ToolCall, Usage
from tests.support.replay_answers import Token, chunk, openai_answer, raw_answer, sse, tool_call_chunks
from tests.support.replay_client import answered, failed, text_of, usage_of

DONE = b"data: [DONE]\n\n"
STOP = chunk({}, finish_reason="stop")


def text(content: str) -> bytes:
    return chunk({"content": content}, kind=Token)


async def test_answer_is_text_then_usage_then_finished():
    events = await answered(openai_answer("A mole is a number."))
    assert text_of(events) == "A mole is a number."
    assert events[-2:] == [Usage(11, 5), Finished(FinishReason.STOP, "replay-1")]


async def test_role_and_content_in_one_delta():
    events = await answered(raw_answer(chunk({"role": "assistant", "content": "Hi"}), text(" there"), STOP, DONE))
    assert text_of(events) == "Hi there"


async def test_text_on_the_stop_chunk():
    events = await answered(raw_answer(text("Hi"), chunk({"content": " there"}, finish_reason="stop"), DONE))
    assert text_of(events) == "Hi there"


async def test_empty_choices_are_passed_over():
    filters = sse({"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "model": ""})
    events = await answered(raw_answer(filters, text("Hi"), sse({"choices": None}), STOP, DONE))
    assert text_of(events) == "Hi"


async def test_null_content_and_null_fields_are_passed_over():
    nothing = chunk({"role": None, "content": None, "tool_calls": None, "refusal": None})
    null_delta = sse({"choices": [{"index": 0, "delta": None, "finish_reason": None}], "usage": None})
    events = await answered(raw_answer(nothing, null_delta, text("Hi"), STOP, DONE))
    assert text_of(events) == "Hi"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_is_not_shown(field: str):
    events = await answered(raw_answer(chunk({field: "Hmm, a mole…"}), text("A number."), STOP, DONE))
    assert text_of(events) == "A number."


async def test_reasoning_tokens_are_counted_where_reported():
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 25},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    events = await answered(openai_answer(usage=usage))
    assert usage_of(events) == Usage(30, 20, cached_tokens=25, reasoning_tokens=15)


async def test_unreported_reasoning_is_estimated():
    events = await answered(raw_answer(chunk({"reasoning_content": "x" * 40}), text("y" * 20), STOP, DONE))
    assert usage_of(events) == Usage(
        usage_of(events).input_tokens, output_tokens=15, reasoning_tokens=10, estimated=True
    )


async def test_content_in_typed_parts_is_its_text():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hmm"}]}, {"type": "text", "text": "Hi"}]
    assert text_of(await answered(raw_answer(chunk({"content": parts}), STOP, DONE))) == "Hi"


async def test_comment_lines_are_passed_over():
    answer = openai_answer("one two").insert(b": OPENROUTER PROCESSING\n\n", 0).insert(b":\n", 1)
    assert text_of(await answered(answer)) == "one two"


async def test_data_without_a_space():
    assert text_of(await answered(openai_answer("one two").edit(b"data: ", b"data:"))) == "one two"


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
async def test_other_newlines(newline: bytes):
    assert text_of(await answered(openai_answer("one two").edit(b"\n", newline))) == "one two"


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_events_split_anywhere(size: int):
    events = await answered(openai_answer("Größe: 6,022·10²³ – ein Mol 🙂").split(size))
    assert text_of(events) == "Größe: 6,022·10²³ – ein Mol 🙂"
    assert not usage_of(events).estimated


async def test_events_joined():
    events = await answered(openai_answer("one two three").joined())
    assert text_of(events) == "one two three"
    assert len(events) == 3, "text that arrives together is one piece"


async def test_missing_done():
    events = await answered(openai_answer("one two", done=False))
    assert text_of(events) == "one two"
    assert isinstance(events[-1], Finished)


async def test_last_event_without_blank_line():
    events = await answered(raw_answer(text("Hi"), STOP.rstrip()))
    assert events[-1] == Finished(FinishReason.STOP, "replay-1")


async def test_done_without_finish_reason_is_a_stop():
    events = await answered(openai_answer("one two", finish_reason=None))
    assert events[-1] == Finished(FinishReason.STOP, "replay-1")


@pytest.mark.parametrize(
    "bad",
    [
        b'data: {"choices": [{"delta": {"con\n\n',
        b"data: nonsense\n\n",
        b"data: 17\n\n",
        b"data: null\n\n",
        b'data: ["a"]\n\n',
        b'data: {"choices": {"delta": 1}}\n\n',
        b'data: {"choices": [1]}\n\n',
        b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [null]}}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": 3}}], "usage": 3, "model": 3}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: \xff\xfe\n\n",
    ],
)
async def test_malformed_event_among_good_ones_is_skipped(bad: bytes):
    events = await answered(openai_answer("one two three").insert(bad, after=1))
    assert text_of(events) == "one two three"
    assert events[-2:] == [Usage(11, 3), Finished(FinishReason.STOP, "replay-1")]


async def test_usage_in_the_last_event_without_choices():
    usage = sse({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})
    assert usage_of(await answered(raw_answer(text("Hi"), STOP, usage, DONE))) == Usage(9, 4)


async def test_running_usage_counts_once_and_last():
    def running(tokens: int) -> bytes:
        return sse({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}})

    events = await answered(raw_answer(text("a"), running(1), text("b"), running(2), STOP, DONE))
    assert usage_of(events) == Usage(9, 2)


async def test_absent_usage_is_estimated_and_marked():
    usage = usage_of(await answered(raw_answer(text("x" * 400), STOP, DONE)))
    assert usage.estimated
    assert usage.output_tokens == 100
    assert usage.input_tokens > 0


@pytest.mark.parametrize("reported", [{}, {"prompt_tokens": None, "completion_tokens": None}, "many", 3, []])
async def test_usage_that_says_nothing_counts_as_absent(reported: object):
    answer = raw_answer(text("x" * 400), STOP, sse({"choices": [], "usage": reported}), DONE)
    assert usage_of(await answered(answer)).estimated


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
    ],
)
async def test_finish_reason(sent: str, reason: FinishReason):
    events = await answered(openai_answer(finish_reason=sent))
    assert events[-1] == Finished(reason, "replay-1")


async def test_content_filter_is_an_error_after_the_text():
    events, error = await failed(openai_answer("one two", finish_reason="content_filter"))
    assert text_of(events) == "one two"
    assert isinstance(error, ContentFiltered)


async def test_refusal_in_place_of_an_answer_is_the_content_filter():
    refusal = chunk({"refusal": "I can't help with that."})
    _, error = await failed(raw_answer(refusal, STOP, DONE))
    assert isinstance(error, ContentFiltered)
    assert error.detail == "I can't help with that."


@pytest.mark.parametrize("reason", ["error", "abort"])
async def test_broken_off_answer_is_never_finished(reason: str):
    events, error = await failed(openai_answer("one two", finish_reason=reason))
    assert text_of(events) == "one two"
    assert isinstance(error, ProviderUnavailable)


async def test_stream_that_just_ends_is_cut():
    events, error = await failed(openai_answer("one two three").end(after=2))
    assert text_of(events) == "one two "
    assert isinstance(error, ProviderUnavailable)


# Tool calls


def calls_of(events: list[Any]) -> list[ToolCall]:
    return [event for event in events if isinstance(event, ToolCall)]


async def test_tool_call_in_fragments():
    arguments = json.dumps({"query": "molar mass of H₂O", "limit": 3})
    events = await answered(openai_answer("", tool_calls=[("call_1", "search", arguments)], finish_reason="tool_calls"))
    assert calls_of(events) == [ToolCall("call_1", "search", {"query": "molar mass of H₂O", "limit": 3})]
    assert events[-1] == Finished(FinishReason.TOOL_CALLS, "replay-1")


async def test_parallel_tool_calls_interleaved():
    first = tool_call_chunks(0, "call_a", "search", ['{"q": ', '"a"}'])
    second = tool_call_chunks(1, "call_b", "lookup", ['{"q": ', '"b"}'])
    woven = [part for pair in zip(first, second, strict=True) for part in pair]
    events = await answered(raw_answer(*woven, chunk({}, finish_reason="tool_calls"), DONE))
    assert calls_of(events) == [ToolCall("call_a", "search", {"q": "a"}), ToolCall("call_b", "lookup", {"q": "b"})]


async def test_parallel_tool_calls_under_one_index():
    parts = [
        *tool_call_chunks(0, "call_a", "search", ['{"q": "a"}']),
        *tool_call_chunks(0, "call_b", "search", ['{"q": "b"}']),
    ]
    events = await answered(raw_answer(*parts, STOP, DONE))
    assert [call.arguments for call in calls_of(events)] == [{"q": "a"}, {"q": "b"}]


async def test_tool_calls_without_index_or_id_get_an_id_each():
    def whole(query: str) -> bytes:
        return chunk({"tool_calls": [{"function": {"name": "search", "arguments": {"q": query}}}]})

    calls = calls_of(await answered(raw_answer(whole("a"), whole("b"), STOP, DONE)))
    assert [call.arguments for call in calls] == [{"q": "a"}, {"q": "b"}]
    assert all(call.id for call in calls)
    assert calls[0].id != calls[1].id


async def test_tool_call_without_id_gets_one():
    calls = calls_of(await answered(raw_answer(*tool_call_chunks(0, None, "search", ["{}"]), STOP, DONE)))
    assert len(calls) == 1
    assert calls[0].id


@pytest.mark.parametrize("arguments", ['{"q": ', "search it", "[1]", '"text"'])
async def test_unparsable_tool_arguments_are_kept_as_text(arguments: str):
    events = await answered(openai_answer("", tool_calls=[("call_1", "search", arguments)]))
    assert calls_of(events) == [ToolCall("call_1", "search", {"_raw": arguments})]


@pytest.mark.parametrize("arguments", ["", "{}", "null"])
async def test_empty_tool_arguments_are_no_arguments(arguments: str):
    events = await answered(openai_answer("", tool_calls=[("call_1", "now", arguments)]))
    assert calls_of(events) == [ToolCall("call_1", "now", {})]


async def test_tool_call_cut_by_the_token_limit_is_told_as_such():
    call = tool_call_chunks(0, "call_1", "search", ['{"q": "mol'])
    events = await answered(raw_answer(*call, chunk({}, finish_reason="length"), DONE))
    assert calls_of(events) == [ToolCall("call_1", "search", {"_raw": '{"q": "mol'})]
    assert events[-1] == Finished(FinishReason.LENGTH, "replay-1")


async def test_stop_after_tool_calls_is_told_as_tool_calls():
    events = await answered(openai_answer("", tool_calls=[("call_1", "now", "{}")], finish_reason="stop"))
    assert events[-1] == Finished(FinishReason.TOOL_CALLS, "replay-1")


async def test_tool_call_without_a_name_is_skipped():
    nameless = chunk({"tool_calls": [{"index": 0, "id": "x", "function": {"arguments": "{}"}}]})
    events = await answered(raw_answer(text("Hi"), nameless, STOP, DONE))
    assert calls_of(events) == []
    assert events[-1] == Finished(FinishReason.STOP, "replay-1")


# Errors inside a stream that began with 200


@pytest.mark.parametrize(
    ("error", "family", "status"),
    [
        ({"message": "Overloaded", "type": "server_error", "code": None}, ProviderUnavailable, 500),
        ({"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}, RateLimited, 429),
        ({"message": "Slow down", "code": 429}, RateLimited, 429),
        ({"message": "upstream", "code": "502"}, ProviderUnavailable, 502),
        ({"message": "too big", "type": "exceed_context_size_error", "code": 400}, ContextTooLong, 400),
        ({"message": "Context size has been exceeded.", "type": "server_error", "code": 500}, ContextTooLong, 500),
        ({"message": "bad schema", "type": "invalid_request_error"}, InvalidRequest, 400),
        ({"message": "no", "code": "content_filter"}, ContentFiltered, 400),
        ("model runner has unexpectedly stopped", ProviderUnavailable, None),
        ({"unheard": "of"}, ProviderUnavailable, None),
    ],
)
async def test_error_object_inside_a_stream(error: object, family: type[Exception], status: int | None):
    events, raised = await failed(raw_answer(text("Hi"), sse({"error": error})))
    assert text_of(events) == "Hi"
    assert type(raised) is family
    assert raised.http_status == status


async def test_named_error_event_inside_a_stream():
    _, error = await failed(raw_answer(b"event: error\n", sse({"error": {"message": "Overloaded", "code": 503}})))
    assert isinstance(error, ProviderUnavailable)
    assert error.detail == "Overloaded"


# What is no stream at all


async def test_whole_answer_in_one_json_object_is_taken():
    body = {
        "model": "replay-1",
        "choices": [{"message": {"role": "assistant", "content": "Hi there"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
    events = await answered(raw_answer(json.dumps(body).encode(), content_type="application/json"))
    assert text_of(events) == "Hi there"
    assert events[-2:] == [Usage(9, 2), Finished(FinishReason.STOP, "replay-1")]


async def test_error_object_with_status_200():
    body = b'{"error": {"message": "the request exceeds the available context size", "code": 400}}'
    _, error = await failed(raw_answer(body, content_type="application/json"))
    assert isinstance(error, ContextTooLong)


async def test_web_page_in_place_of_a_stream_is_quoted():
    _, error = await failed(raw_answer(b"<html><h1>Open WebUI</h1></html>", content_type="text/html"))
    assert isinstance(error, ProviderUnavailable)
    assert "Open WebUI" in error.detail


async def test_empty_body():
    _, error = await failed(raw_answer())
    assert isinstance(error, ProviderUnavailable)
    assert error.detail == "the answer was empty"


async def test_endless_event_is_refused():
    _, error = await failed(raw_answer(*[b"x" * 1_000_000] * 6))
    assert isinstance(error, ProviderUnavailable)
    assert "larger than" in error.detail
