"""What is sent to a model: prompts spelled in each provider's wire."""

import json
from typing import Any

import pytest

from backend.genai.errors import AuthenticationFailed, InvalidRequest
from backend.genai.providers import open_provider
from backend.genai.providers.openai import OpenAIProvider
from backend.genai.schemas import (
    AssistantMessage,
    Prompt,
    ProviderName,
    ResponseSchema,
    SystemMessage,
    Tool,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.support.replay import API_KEY, Received, Replay
from tests.support.replay_answers import Answer, anthropic_answer, openai_answer, openai_error
from tests.support.replay_client import ask, failure_of, provider_of, text_of

QUESTION = UserMessage("n?")
SCHEMA = ResponseSchema("answer", {"type": "object", "properties": {"n": {"type": "integer"}}})
SEARCH = Tool("search", "Searches.", {"type": "object", "properties": {"q": {"type": "string"}}})
WITH_TOOLS = [
    SystemMessage("You are a tutor."),
    UserMessage("What is a mole?"),
    AssistantMessage("Let me look.", (ToolCall("call:1", "search", {"q": "möle"}), ToolCall("c2", "search", {}))),
    ToolResult("call:1", "A number."),
    ToolResult("c2", "no such thing", is_error=True),
    AssistantMessage("A number."),
    SystemMessage("Be brief."),
    UserMessage("Which?"),
]


async def sent(answer: Answer, prompt: Prompt, **changes: Any) -> dict[str, Any]:
    """The JSON body of the one request."""
    async with Replay(answer) as replay:
        await ask(replay, prompt, **changes)
    assert len(replay.requests) == 1
    body: dict[str, Any] = replay.requests[0].json
    return body


async def sent_openai(prompt: Prompt, **changes: Any) -> dict[str, Any]:
    return await sent(openai_answer(), prompt, **changes)


async def sent_anthropic(prompt: Prompt, **changes: Any) -> dict[str, Any]:
    return await sent(anthropic_answer(), prompt, **changes)


# OpenAI


async def test_openai_plain_prompt():
    body = await sent_openai(Prompt([QUESTION]))
    assert body == {
        "model": "replay-1",
        "messages": [{"role": "user", "content": "n?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_openai_conversation_with_tools():
    body = await sent_openai(Prompt(WITH_TOOLS, tools=[SEARCH], temperature=0.0, max_output_tokens=50))
    search = {"name": "search", "arguments": json.dumps({"q": "möle"})}
    assert body["messages"] == [
        {"role": "system", "content": "You are a tutor.\n\nBe brief."},
        {"role": "user", "content": "What is a mole?"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "call:1", "type": "function", "function": search},
                {"id": "c2", "type": "function", "function": {"name": "search", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call:1", "content": "A number."},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: no such thing"},
        {"role": "assistant", "content": "A number."},
        {"role": "user", "content": "Which?"},
    ]
    function = {"name": "search", "description": "Searches.", "parameters": dict(SEARCH.parameters)}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == "auto"
    assert (body["temperature"], body["max_tokens"]) == (0.0, 50)


async def test_openai_model_without_tools_gets_results_in_words():
    body = await sent_openai(Prompt(WITH_TOOLS, tools=[SEARCH]), supports_tools=False)
    assert "tools" not in body
    assert [message["role"] for message in body["messages"]] == [
        "system", "user", "assistant", "user", "user", "assistant", "user",
    ]  # fmt: skip
    assert "A number." in body["messages"][3]["content"]


@pytest.mark.parametrize("answer", [openai_answer(), anthropic_answer()], ids=["openai", "anthropic"])
async def test_required_tool_on_a_model_without_tools_is_refused(answer: Answer):
    async with Replay(answer) as replay:
        spec = replay.spec(supports_tools=False)
        _, error = await failure_of(spec, Prompt([QUESTION], tools=[SEARCH], tool_choice="required"))
    assert type(error) is InvalidRequest
    assert replay.requests == []


@pytest.mark.parametrize(
    ("base_url", "parameter"),
    [
        (None, "max_completion_tokens"),
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://stoa.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://127.0.0.1:8000/v1", "max_tokens"),
        ("https://openrouter.ai/api/v1", "max_tokens"),
    ],
)
async def test_openai_token_limit_goes_by_the_name_that_the_server_knows(base_url: str | None, parameter: str):
    async with provider_of(Replay.openai().spec(base_url=base_url)) as model:
        assert isinstance(model, OpenAIProvider)
        assert model._token_limit() == parameter


async def test_openai_schema_is_strict_where_it_can_be():
    body = await sent_openai(Prompt([QUESTION], response_schema=SCHEMA))
    closed = {**SCHEMA.schema, "required": ["n"], "additionalProperties": False}
    wanted = {"name": "answer", "schema": closed, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": wanted}


async def test_openai_schema_with_free_keys_is_sent_as_it_is():
    free = {"type": "object", "properties": {"by_name": {"type": "object"}}}
    body = await sent_openai(Prompt([QUESTION], response_schema=ResponseSchema("answer", free)))
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": free, "strict": False}


async def test_openai_schema_with_lengths_is_sent_as_it_is():
    short = {"type": "object", "properties": {"word": {"type": "string", "maxLength": 9}}, "required": ["word"]}
    body = await sent_openai(Prompt([QUESTION], response_schema=ResponseSchema("answer", short)))
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": short, "strict": False}


async def test_openai_nested_schema_is_closed_throughout():
    point = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}, "required": ["x"]}
    schema = {
        "type": "object",
        "properties": {
            "points": {"type": "array", "items": {"$ref": "#/$defs/point"}},
            "either": {"anyOf": [point, {"type": "null"}]},
            "properties": {"type": "string"},
        },
        "$defs": {"point": point},
    }
    body = await sent_openai(Prompt([QUESTION], response_schema=ResponseSchema("answer", schema)))
    sent_schema = body["response_format"]["json_schema"]["schema"]
    assert sent_schema["required"] == ["points", "either", "properties"]
    for each in (sent_schema["$defs"]["point"], sent_schema["properties"]["either"]["anyOf"][0]):
        assert (each["required"], each["additionalProperties"]) == (["x", "y"], False)


async def test_openai_model_without_json_schema_is_told_the_schema_in_words():
    prompt = Prompt([SystemMessage("Be brief."), QUESTION], response_schema=SCHEMA)
    body = await sent_openai(prompt, supports_json_schema=False)
    assert body["response_format"] == {"type": "json_object"}
    system = body["messages"][0]["content"]
    assert system.startswith("Be brief.\n\n")
    assert json.dumps(SCHEMA.schema) in system


async def test_openai_headers_hold_the_models_own_key_and_organization(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    async with Replay(openai_answer()) as replay:
        await ask(replay)
        await ask(replay, api_key=f" {API_KEY}\n", organization="org-7")
        await ask(replay, api_key=None)
    own, with_organization, without_key = (request.headers for request in replay.requests)
    assert own["authorization"] == with_organization["authorization"] == f"Bearer {API_KEY}"
    assert "openai-organization" not in own
    assert "openai-project" not in own
    assert with_organization["openai-organization"] == "org-7"
    assert "environment" not in without_key["authorization"]


@pytest.mark.parametrize("answer", [openai_answer(), anthropic_answer()], ids=["openai", "anthropic"])
@pytest.mark.parametrize("text", ["lone \ud800 surrogate", "nul \x00 and \x1b", "\U0001f642" * 1000])
async def test_any_text_can_be_sent(answer: Answer, text: str):
    body = await sent(answer, Prompt([SystemMessage(text), UserMessage(text)]))
    content = body["messages"][-1]["content"]
    assert (content if isinstance(content, str) else content[0]["text"]) == text.replace("\ud800", "?")


# A server that refuses a parameter


def refusing(*parameters: str, status: int = 400) -> Any:
    """A server that refuses these parameters one after the other, in OpenAI's words."""

    def answer(request: Received) -> Answer:
        for name in parameters:
            if name in request.json:
                says = f"Unsupported parameter: '{name}' is not supported with this model."
                return openai_error(status, says, code="unsupported_parameter", param=name)
        return openai_answer("fine")

    return answer


FULL = Prompt([QUESTION], temperature=0.3, max_output_tokens=9)


@pytest.mark.parametrize("status", [400, 422])
async def test_refused_parameters_are_left_out_from_then_on(status: int):
    stubborn = Replay(refusing("stream_options", "temperature", status=status))
    async with stubborn as replay, provider_of(replay.spec()) as model:
        for _ in range(2):
            assert text_of([event async for event in model.stream(FULL)]) == "fine"
    assert len(replay.requests) == 4
    assert {"stream_options", "temperature"} & set(replay.requests[-1].json) == set()
    assert replay.requests[-1].json["max_tokens"] == 9


async def test_refused_token_limit_is_sent_by_its_other_name():
    async with Replay(refusing("max_tokens")) as replay:
        assert text_of(await ask(replay, FULL)) == "fine"
    assert replay.requests[-1].json["max_completion_tokens"] == 9


async def test_token_limit_refused_by_both_names_is_left_out():
    async with Replay(refusing("max_tokens", "max_completion_tokens")) as replay:
        assert text_of(await ask(replay, FULL)) == "fine"
    assert {"max_tokens", "max_completion_tokens"} & set(replay.requests[-1].json) == set()


async def test_any_word_about_stream_options_leaves_them_out():
    def answer(request: Received) -> Answer:
        refused = "stream_options" in request.json
        return openai_error(400, "stream_options: not today") if refused else openai_answer("fine")

    async with Replay(answer) as replay:
        assert text_of(await ask(replay)) == "fine"


async def test_wrong_value_of_a_parameter_is_the_callers_error():
    async with Replay(openai_error(400, "Invalid 'temperature': expected a value <= 2, but got 3.")) as replay:
        _, error = await failure_of(replay.spec(), Prompt([QUESTION], temperature=3))
    assert type(error) is InvalidRequest
    assert len(replay.requests) == 1


async def test_stubborn_server_is_not_asked_for_ever():
    says = "Unsupported: stream_options, temperature, max_tokens, max_completion_tokens"
    async with Replay(openai_error(400, says)) as replay:
        _, error = await failure_of(replay.spec(), FULL)
    assert type(error) is InvalidRequest
    assert len(replay.requests) <= 5


async def test_failures_are_not_retried_by_the_sdk():
    for answer in (openai_error(500, "x"), openai_error(429, "x"), openai_error(409, "x")):
        async with Replay(answer.with_headers(retry_after="0")) as replay:
            await failure_of(replay.spec())
        assert len(replay.requests) == 1


# Ollama


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_ollama_address_with_or_without_v1(path: str):
    async with Replay(openai_answer("fine")) as replay:
        events = await ask(replay, provider=ProviderName.OLLAMA, base_url=replay.url + path)
    assert text_of(events) == "fine"
    assert replay.requests[0].path == "/v1/chat/completions"
    assert replay.requests[0].json["stream_options"] == {"include_usage": True}


async def test_ollama_unknown_model_needs_an_administrator():
    async with Replay(openai_error(404, 'model "x" not found, try pulling it first', type="api_error")) as replay:
        _, error = await failure_of(replay.spec(ProviderName.OLLAMA))
    assert type(error) is AuthenticationFailed
    assert "try pulling it" in error.detail


# Anthropic


async def test_anthropic_plain_prompt():
    body = await sent_anthropic(Prompt([SystemMessage("Be brief."), QUESTION], temperature=0.3))
    assert body == {
        "model": "replay-1",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "n?"}]}],
        "max_tokens": 4096,
        "stream": True,
    }


@pytest.mark.parametrize(("asked", "of_model", "limit"), [(50, 8000, 50), (None, 8000, 8000), (None, None, 4096)])
async def test_anthropic_token_limit(asked: int | None, of_model: int | None, limit: int):
    body = await sent_anthropic(Prompt([QUESTION], max_output_tokens=asked), max_output_tokens=of_model)
    assert body["max_tokens"] == limit


async def test_anthropic_conversation_with_tools():
    body = await sent_anthropic(Prompt(WITH_TOOLS, tools=[SEARCH], tool_choice="required"))
    assert body["system"] == "You are a tutor.\n\nBe brief."
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is a mole?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "call_1", "name": "search", "input": {"q": "möle"}},
                {"type": "tool_use", "id": "c2", "name": "search", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "A number.", "is_error": False},
                {"type": "tool_result", "tool_use_id": "c2", "content": "no such thing", "is_error": True},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "A number."}]},
        {"role": "user", "content": [{"type": "text", "text": "Which?"}]},
    ]
    assert body["tools"] == [
        {"name": "search", "description": "Searches.", "input_schema": dict(SEARCH.parameters)},
    ]
    assert body["tool_choice"] == {"type": "any"}


async def test_anthropic_neighbours_of_one_role_are_one_turn_and_empty_texts_none():
    messages = [UserMessage("a"), AssistantMessage(""), UserMessage("b"), UserMessage("  "), AssistantMessage("c ")]
    body = await sent_anthropic(Prompt(messages))
    assert [(turn["role"], [part["text"] for part in turn["content"]]) for turn in body["messages"]] == [
        ("user", ["a", "b"]),
        ("assistant", ["c"]),
    ]


async def test_anthropic_tool_messages_without_tools_are_told_in_words():
    body = await sent_anthropic(Prompt(WITH_TOOLS))
    assert {part["type"] for turn in body["messages"] for part in turn["content"]} == {"text"}


async def test_anthropic_schema_is_its_output_format():
    body = await sent_anthropic(Prompt([QUESTION], response_schema=SCHEMA))
    closed = {**SCHEMA.schema, "additionalProperties": False}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": closed}}


async def test_anthropic_schema_that_the_api_cant_take_is_the_callers_error():
    async with Replay(anthropic_answer()) as replay:
        prompt = Prompt([QUESTION], response_schema=ResponseSchema("answer", {"properties": {}}))
        _, error = await failure_of(replay.spec(), prompt)
    assert type(error) is InvalidRequest


async def test_anthropic_model_without_json_schema_is_made_to_use_a_tool():
    body = await sent_anthropic(Prompt([QUESTION], response_schema=SCHEMA), supports_json_schema=False)
    assert body["tools"][0]["input_schema"] == dict(SCHEMA.schema)
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}
    assert "output_config" not in body


@pytest.mark.parametrize("path", ["", "/", "/v1"])
async def test_anthropic_address_with_or_without_v1(path: str):
    async with Replay(anthropic_answer("fine")) as replay:
        await ask(replay, base_url=replay.url + path)
    assert replay.requests[0].path == "/v1/messages"


async def test_anthropic_headers_hold_the_models_own_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    async with Replay(anthropic_answer()) as replay:
        await ask(replay)
        await ask(replay, api_key=None)
    assert replay.requests[0].headers["authorization"] == f"Bearer {API_KEY}"
    assert "environment" not in replay.requests[1].headers["authorization"]


# Null


async def test_null_says_what_to_do_and_costs_nothing():
    async with provider_of(Replay.openai().spec(ProviderName.NULL)) as model:
        events = [event async for event in model.stream(Prompt([QUESTION]))]
    words = text_of(events)
    for hint in ("No language model is configured", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_BASE_URL"):
        assert hint in words
    assert "make setup" in words
    assert "  " not in words
    assert len(events) > 20
    assert (events[-2].input_tokens, events[-2].output_tokens) == (0, 0)  # type: ignore[union-attr]


async def test_null_refuses_structured_output():
    _, error = await failure_of(Replay.openai().spec(ProviderName.NULL), Prompt([QUESTION], response_schema=SCHEMA))
    assert type(error) is InvalidRequest
    assert "No language model is configured" in error.message


@pytest.mark.parametrize("provider", list(ProviderName))
def test_every_provider_opens(provider: ProviderName):
    assert open_provider(Replay.openai().spec(provider, base_url=None))
