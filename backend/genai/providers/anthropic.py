"""Anthropic's messages API: https://platform.claude.com/docs/en/api/messages.

A prompt's `temperature` isn't sent: since its version 2026-10-21, which the SDK speaks, the API refuses any.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2

from backend.genai.defaults import DEFAULT_URLS
from backend.genai.errors import InvalidRequest
from backend.genai.providers.anthropic_stream import MessageStream
from backend.genai.providers.http import key_of, open_http_client
from backend.genai.providers.prompts import split_system, well_formed, without_tool_messages
from backend.genai.providers.reading import answer
from backend.genai.schemas import (
    AssistantMessage,
    Message,
    ModelSpec,
    Prompt,
    ProviderEvent,
    ProviderName,
    ResponseSchema,
    ToolCall,
    ToolResult,
)

DEFAULT_BASE_URL = DEFAULT_URLS[ProviderName.ANTHROPIC]

DEFAULT_MAX_TOKENS = 4096
"""The API insists on a limit; this is the largest that every Claude model ever took."""

TOOL_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


class AnthropicProvider:
    """A Claude model."""

    def __init__(self, spec: ModelSpec) -> None:
        base_url = (spec.base_url or DEFAULT_BASE_URL).rstrip("/").removesuffix("/v1")
        self._spec = spec
        self._client = anthropic.AsyncAnthropic(
            api_key=key_of(spec),
            base_url=base_url,
            max_retries=0,
            http_client=open_http_client(spec, base_url),
            open_telemetry=False,  # a completion has one span, and it isn't the SDK's
        )
        self._create = self._client.messages.with_streaming_response.create

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """See `Provider.stream`."""
        answer_tool = _answer_tool(prompt, self._spec)
        parser = MessageStream(prompt, answer_tool["name"] if answer_tool else None)
        return answer(self._spec, anthropic, self._response(prompt), parser, prompt.time_limit)

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.close()

    @asynccontextmanager
    async def _response(self, prompt: Prompt) -> AsyncIterator[httpx2.Response]:
        request = _request(prompt, self._spec)
        async with self._create(**request) as response:
            yield response.http_response


def _request(prompt: Prompt, spec: ModelSpec) -> dict[str, Any]:
    system, conversation = split_system(prompt)
    if not (prompt.tools and spec.supports_tools):  # the API refuses tool messages in a request without tools
        conversation = without_tool_messages(conversation)
    request = {
        "model": spec.model,
        "max_tokens": prompt.max_output_tokens or spec.max_output_tokens or DEFAULT_MAX_TOKENS,
        "system": system or None,
        "messages": _messages(conversation),
        "stream": True,
        "output_config": _output_config(prompt.response_schema, spec),
        **_tools(prompt, spec),
    }
    return {name: value for name, value in request.items() if value is not None}


def _messages(conversation: list[Message]) -> list[dict[str, Any]]:
    """The turns: neighbours of one role are one turn, and empty texts, which the API refuses, are left out."""
    turns: list[dict[str, Any]] = []
    for message in conversation:
        role = "assistant" if isinstance(message, AssistantMessage) else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if turns and turns[-1]["role"] == "assistant" and turns[-1]["content"][-1]["type"] == "text":
        last = turns[-1]["content"][-1]
        last["text"] = last["text"].rstrip()  # the API refuses a prefill that ends in white space
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    match message:
        case ToolResult():
            result = {"type": "tool_result", "tool_use_id": _identifier(message.tool_call_id)}
            return [result | {"content": well_formed(message.content), "is_error": message.is_error}]
        case AssistantMessage():
            return _text(message.text) + [_tool_use(call) for call in message.tool_calls]
        case _:
            return _text(message.text)


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": well_formed(text)}] if text.strip() else []


def _tool_use(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": _identifier(call.id), "name": call.name, "input": dict(call.arguments)}


def _identifier(of_call: str) -> str:
    """Another provider's id in the letters that this API takes."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", of_call)


def _tools(prompt: Prompt, spec: ModelSpec) -> dict[str, Any]:
    answer_tool = _answer_tool(prompt, spec)
    if prompt.tools and not spec.supports_tools and prompt.tool_choice == "required":
        raise InvalidRequest(detail=f"{spec.name} takes no tools, and one was required")
    tools: list[dict[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        for tool in (prompt.tools if spec.supports_tools else ())
    ]
    if answer_tool and not tools:
        return {"tools": [answer_tool], "tool_choice": {"type": "tool", "name": answer_tool["name"]}}
    if answer_tool:
        return {"tools": [*tools, answer_tool], "tool_choice": {"type": "any"}}
    return {"tools": tools, "tool_choice": {"type": TOOL_CHOICES[prompt.tool_choice]}} if tools else {}


def _answer_tool(prompt: Prompt, spec: ModelSpec) -> dict[str, Any] | None:
    """For a model without structured output: a tool whose input is the answer."""
    asked = prompt.response_schema
    if asked is None or spec.supports_json_schema:
        return None
    return {"name": _identifier(asked.name), "description": "Gives the answer.", "input_schema": asked.schema}


def _output_config(asked: ResponseSchema | None, spec: ModelSpec) -> dict[str, Any] | None:
    if asked is None or not spec.supports_json_schema:
        return None
    try:
        schema = anthropic.transform_schema(dict(asked.schema))
    except ValueError as error:
        raise InvalidRequest(detail=f"the response schema {asked.name} can't be used: {error}") from None
    return {"format": {"type": "json_schema", "schema": schema}}
