"""The events of a streamed message: https://platform.claude.com/docs/en/build-with-claude/streaming."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from backend.genai.errors import ContentFiltered
from backend.genai.providers.parser import AnswerParser, count
from backend.genai.schemas import FinishReason, Prompt, Usage

FINISH_REASONS = {
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
}
"""Everything else, like "end_turn" and "stop_sequence", is a stop; "refusal" is an error."""


@dataclass(slots=True)
class _ToolUse:
    """A tool_use block while its input arrives."""

    id: str
    name: str
    input: dict[str, Any]
    json: list[str] = field(default_factory=list)


class MessageStream(AnswerParser):
    """Reads one streamed message. The input of the tool `answer_tool`, if one is named, is the answer's text."""

    def __init__(self, prompt: Prompt, answer_tool: str | None = None) -> None:
        super().__init__(prompt)
        self._answer_tool = answer_tool
        self._blocks: dict[int, _ToolUse] = {}
        self._usage: dict[str, Any] = {}
        self._output_is_final = False

    def reported_usage(self) -> Usage | None:
        """The tokens reported so far. `input_tokens` holds the cached ones too, unlike Anthropic's own figure.

        The input is known from the first event on, the output at the end; until then it is estimated.
        """
        if "input_tokens" not in self._usage:
            return None
        read = count(self._usage.get("cache_read_input_tokens"))
        written = count(self._usage.get("cache_creation_input_tokens"))
        details = self._usage.get("output_tokens_details")
        usage = Usage(
            input_tokens=count(self._usage.get("input_tokens")) + read + written,
            output_tokens=count(self._usage.get("output_tokens")),
            cached_tokens=read,
            reasoning_tokens=count(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
        )
        if self._output_is_final:
            return usage
        return replace(usage, output_tokens=self._estimate().output_tokens, estimated=True)

    def _read(self, payload: dict[str, Any]) -> None:
        match payload["type"]:
            case "content_block_delta":
                self._read_delta(payload["index"], payload["delta"])
            case "content_block_start":
                self._begin_block(payload["index"], payload["content_block"])
            case "content_block_stop":
                self._end_block(payload["index"])
            case "message_start":
                self._model = payload["message"].get("model")
                self._note_usage(payload["message"].get("usage"))
            case "message_delta":
                self._note_usage(payload.get("usage"))
                self._output_is_final = True
                self._end(payload["delta"])
            case "message_stop":
                self.ended = True

    def _begin_block(self, index: int, block: dict[str, Any]) -> None:
        match block["type"]:
            case "tool_use":
                self.tokens += 1
                self._blocks[index] = _ToolUse(block["id"], block["name"], block.get("input") or {})
            case "text" if block.get("text"):
                self._say(block["text"])
            case "thinking" | "redacted_thinking":
                self.tokens += 1

    def _read_delta(self, index: int, delta: dict[str, Any]) -> None:
        match delta["type"]:
            case "text_delta":
                self._say(delta["text"])
            case "input_json_delta":
                self._read_input(self._blocks[index], delta["partial_json"])
            case "thinking_delta":
                self._think(delta["thinking"])
            case "signature_delta":
                self.tokens += 1

    def _read_input(self, block: _ToolUse, fragment: str) -> None:
        self.tokens += 1
        block.json.append(fragment)
        if block.name == self._answer_tool and fragment:
            self._say(fragment)

    def _end_block(self, index: int) -> None:
        block = self._blocks.pop(index, None)
        if block is None:
            return
        text = "".join(block.json)
        if block.name != self._answer_tool:
            self._call(block.id, block.name, text or json.dumps(block.input))
        elif not text:
            self._say(json.dumps(block.input))

    def _finish_tool_calls(self) -> None:
        for index in sorted(self._blocks):
            self._end_block(index)

    def _note_usage(self, usage: dict[str, Any] | None) -> None:
        self._usage |= {name: value for name, value in (usage or {}).items() if value is not None}

    def _end(self, delta: dict[str, Any]) -> None:
        reason = delta.get("stop_reason")
        if reason == "refusal":
            details = delta.get("stop_details") or {}
            raise ContentFiltered(detail=details.get("explanation") or details.get("category") or "refusal")
        if reason == "tool_use" and self._answer_tool and not self._called:
            self._finish = FinishReason.STOP
        elif reason:
            self._finish = FINISH_REASONS.get(reason, FinishReason.STOP)
