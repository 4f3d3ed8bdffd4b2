"""The chunks of a streamed chat completion, as OpenAI describes them and as other servers send them.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
from dataclasses import dataclass, field
from typing import Any

from backend.genai.errors import ContentFiltered, Fault, ProviderUnavailable
from backend.genai.providers.parser import AnswerParser, count
from backend.genai.schemas import FinishReason, Prompt, ProviderEvent, Usage

FINISH_REASONS = {
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
}
"""Everything else, like "stop" and "eos", is a stop, but for the two groups below."""

BROKEN_OFF = frozenset({"error", "abort", "insufficient_system_resource"})
"""How OpenRouter, vLLM and DeepSeek say that the answer isn't whole."""


@dataclass(slots=True)
class _Call:
    """A tool call while its fragments arrive."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ChatStream(AnswerParser):
    """Reads one streamed chat completion."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(prompt)
        self._calls: list[_Call] = []
        self._call_at: dict[object, _Call] = {}
        self._usage: dict[str, Any] | None = None
        self._refusal: list[str] = []

    def reported_usage(self) -> Usage | None:
        """The tokens of the last `usage` that came; reasoning is part of `output_tokens`."""
        if not self._usage:
            return None
        return Usage(
            input_tokens=count(self._usage.get("prompt_tokens")),
            output_tokens=count(self._usage.get("completion_tokens")),
            cached_tokens=_detail(self._usage, "prompt_tokens_details", "cached_tokens"),
            reasoning_tokens=_detail(self._usage, "completion_tokens_details", "reasoning_tokens"),
        )

    def close(self) -> list[ProviderEvent]:
        """See `AnswerParser.close`. A refusal in place of an answer is OpenAI's content filter speaking."""
        if self._refusal and not self._written:
            raise ContentFiltered(detail="".join(self._refusal))
        return super().close()

    def _read(self, payload: dict[str, Any]) -> None:
        if isinstance(model := payload.get("model"), str):
            self._model = self._model or model
        usage = payload.get("usage")
        if isinstance(usage, dict) and (count(usage.get("prompt_tokens")) or count(usage.get("completion_tokens"))):
            self._usage = usage
        for choice in (payload.get("choices") or ())[:1]:
            self._read_delta(choice.get("delta") or choice.get("message") or {})
            if reason := choice.get("finish_reason"):
                self._end(reason)

    def _read_delta(self, delta: dict[str, Any]) -> None:
        if content := delta.get("content"):
            self._say(content if isinstance(content, str) else _text_parts(content))
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            self._think(str(thought))
        if refusal := delta.get("refusal"):
            self._refusal.append(refusal)
        for fragment in delta.get("tool_calls") or ():
            self._read_call(fragment)

    def _read_call(self, fragment: dict[str, Any]) -> None:
        function = fragment.get("function") or {}
        identifier, name = fragment.get("id") or "", function.get("name") or ""
        call = self._call_for(fragment.get("index"), identifier, name)
        call.id, call.name = call.id or identifier, call.name or name
        arguments = function.get("arguments") or ""
        call.arguments.append(arguments if isinstance(arguments, str) else json.dumps(arguments))
        self.tokens += 1

    def _call_for(self, index: object, identifier: str, name: str) -> _Call:
        """The call that a fragment belongs to. Gemini gives parallel calls one index, Ollama gave them none."""
        known = self._call_at.get(index)
        another = known and known.name and name and (index is None or (identifier and identifier != known.id))
        if known is None or another:
            known = self._call_at[index] = _Call()
            self._calls.append(known)
        return known

    def _finish_tool_calls(self) -> None:
        for call in self._calls:
            if call.name:
                self._call(call.id, call.name, "".join(call.arguments))
            else:
                self.skipped += 1
        self._calls.clear()

    def _end(self, reason: str) -> None:
        if reason == "content_filter":
            raise ContentFiltered(detail="finish_reason: content_filter")
        if reason in BROKEN_OFF:
            raise ProviderUnavailable.by(Fault.BROKEN, f"the provider broke off the answer: finish_reason {reason}")
        self._finish = FINISH_REASONS.get(reason, FinishReason.STOP)


def _text_parts(parts: list[dict[str, Any]]) -> str:
    """Mistral's reasoning models send content as typed parts."""
    return "".join(part["text"] for part in parts if part.get("type") == "text")


def _detail(usage: dict[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    return count(details.get(name)) if isinstance(details, dict) else 0
