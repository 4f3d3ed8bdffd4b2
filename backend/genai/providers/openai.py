"""Any server with OpenAI's chat-completions API: https://platform.openai.com/docs/api-reference/chat.

OpenAI itself, Azure (its `/openai/v1` address), vLLM, llama.cpp, LM Studio and many others.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import openai

from backend.genai.defaults import DEFAULT_URLS
from backend.genai.errors import InvalidRequest
from backend.genai.providers.http import key_of, open_http_client
from backend.genai.providers.openai_stream import ChatStream
from backend.genai.providers.prompts import split_system, well_formed, without_tool_messages
from backend.genai.providers.reading import answer
from backend.genai.providers.strict_schema import strict
from backend.genai.schemas import (
    AssistantMessage,
    Message,
    ModelSpec,
    Prompt,
    ProviderEvent,
    ProviderName,
    ResponseSchema,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)

DEFAULT_BASE_URL = DEFAULT_URLS[ProviderName.OPENAI]

OFFICIAL_HOSTS = ("api.openai.com", ".openai.azure.com")
"""They refuse `max_tokens` for newer models; most other servers don't know its successor `max_completion_tokens`."""

DISPENSABLE = ("stream_options", "temperature", "max_completion_tokens", "max_tokens")
"""Parameters that some servers or models refuse with a 400, and an answer without them is better than none."""

_NOT_SUPPORTED = re.compile(
    r"unsupported|not support|deprecated|unrecognized|unknown|unexpected|extra (field|input)|not permitted|not allowed"
)


class OpenAIProvider:
    """A model behind OpenAI's chat-completions API."""

    def __init__(self, spec: ModelSpec, base_url: str | None = None) -> None:
        base_url = base_url or spec.base_url or DEFAULT_BASE_URL
        self._spec = spec
        self._unsupported: set[str] = set()
        self._client = openai.AsyncOpenAI(
            api_key=key_of(spec), base_url=base_url, max_retries=0, http_client=open_http_client(spec, base_url)
        )
        self._client.organization = spec.organization  # else the SDK takes them from the environment
        self._client.project = None
        self._create = self._client.chat.completions.with_streaming_response.create

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """See `Provider.stream`."""
        return answer(self._spec, openai, self._response(prompt), ChatStream(prompt), prompt.time_limit)

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.close()

    @asynccontextmanager
    async def _response(self, prompt: Prompt) -> AsyncIterator[httpx2.Response]:
        async with AsyncExitStack() as stack:
            while True:
                request = self._request(prompt)
                try:
                    response = await stack.enter_async_context(self._create(**request))
                    break
                except openai.APIStatusError as refusal:
                    if not self._can_do_without(refusal, request):
                        raise
            yield response.http_response

    def _can_do_without(self, refusal: openai.APIStatusError, request: Mapping[str, Any]) -> bool:
        """Whether the server refused a dispensable parameter; if so, it isn't sent again."""
        if refusal.status_code not in {400, 422}:
            return False
        words = refusal.response.text.lower()
        named = {name for name in DISPENSABLE if name in request and name in words}
        if not _NOT_SUPPORTED.search(words):
            named &= {"stream_options"}
        self._unsupported |= named
        return bool(named)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request = {
            "model": self._spec.model,
            "messages": _messages(prompt, self._spec),
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": prompt.temperature,
            self._token_limit(): prompt.max_output_tokens,
            "response_format": _response_format(prompt.response_schema, self._spec),
            **_tools(prompt, self._spec),
        }
        return {name: value for name, value in request.items() if value is not None and name not in self._unsupported}

    def _token_limit(self) -> str:
        names = ["max_tokens", "max_completion_tokens"]
        if self._client.base_url.host.endswith(OFFICIAL_HOSTS):
            names.reverse()
        return next((name for name in names if name not in self._unsupported), names[0])


def _messages(prompt: Prompt, spec: ModelSpec) -> list[dict[str, Any]]:
    system, conversation = split_system(prompt)
    if prompt.response_schema and not spec.supports_json_schema:
        system = f"{system}\n\n{_spelled_out(prompt.response_schema)}".strip()
    if not spec.supports_tools:
        conversation = without_tool_messages(conversation)
    return [{"role": "system", "content": system}] * bool(system) + [_message(message) for message in conversation]


def _message(message: Message) -> dict[str, Any]:
    match message:
        case SystemMessage():
            return {"role": "system", "content": well_formed(message.text)}
        case UserMessage():
            return {"role": "user", "content": well_formed(message.text)}
        case ToolResult():
            content = f"Error: {message.content}" if message.is_error else message.content
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": well_formed(content)}
        case AssistantMessage(tool_calls=calls) if calls:
            text = well_formed(message.text) or None
            return {"role": "assistant", "content": text, "tool_calls": [_tool_call(call) for call in calls]}
        case AssistantMessage():
            return {"role": "assistant", "content": well_formed(message.text)}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _tools(prompt: Prompt, spec: ModelSpec) -> dict[str, Any]:
    if not prompt.tools:
        return {}
    if not spec.supports_tools:
        if prompt.tool_choice == "required":
            raise InvalidRequest(detail=f"{spec.name} takes no tools, and one was required")
        return {}
    tools = [
        {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
        for t in prompt.tools
    ]
    return {"tools": tools, "tool_choice": prompt.tool_choice}


def _response_format(asked: ResponseSchema | None, spec: ModelSpec) -> dict[str, Any] | None:
    if asked is None:
        return None
    if not spec.supports_json_schema:
        return {"type": "json_object"}
    closed = strict(asked.schema)
    schema = asked.schema if closed is None else closed
    return {
        "type": "json_schema",
        "json_schema": {"name": asked.name, "schema": schema, "strict": closed is not None},
    }


def _spelled_out(asked: ResponseSchema) -> str:
    schema = json.dumps(asked.schema, ensure_ascii=False)
    return f"Answer with one JSON object that satisfies this JSON schema, and with nothing else:\n{schema}"
