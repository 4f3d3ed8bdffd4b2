"""From the events of one response to the events of an answer."""

import json
from abc import ABC, abstractmethod
from typing import Any
from uuid import uuid4

from backend.genai.errors import CompletionError, Fault, ProviderUnavailable
from backend.genai.providers.failures import reported_in_stream
from backend.genai.providers.sse import ServerEvent
from backend.genai.providers.tokens import estimate_usage
from backend.genai.schemas import Finished, FinishReason, Prompt, ProviderEvent, TextDelta, ToolCall, Usage


class AnswerParser(ABC):
    """Reads one response. `read` each event, `take` what is ready, `close` at the end.

    An event that isn't what the wire promises is skipped and counted, so one bad event doesn't cost the answer.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.skipped = 0
        """Malformed events so far."""
        self.tokens = 0
        """Events so far that carried a piece of text, reasoning or a tool call."""
        self.ended = False
        """The server said that nothing more comes."""
        self._prompt = prompt
        self._ready: list[ProviderEvent] = []
        self._written: list[str] = []
        self._reasoning: list[str] = []
        self._finish: FinishReason | None = None
        self._model: str | None = None
        self._called = False

    @property
    def settled(self) -> bool:
        """The answer is whole: only usage figures may follow."""
        return self._finish is not None

    def read(self, event: ServerEvent) -> None:
        """Take in one event. Raises a `CompletionError` when it reports one."""
        if event.data.startswith("[DONE]"):
            self.ended = True
            return
        try:
            payload = json.loads(event.data)
            if payload.get("error"):
                raise reported_in_stream(payload["error"])
            self._read(payload)
        except CompletionError:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):  # any other shape than the wire's
            self.skipped += 1

    def take(self) -> list[ProviderEvent]:
        """What the events read since the last call gave, in order."""
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> list[ProviderEvent]:
        """The end of the answer, `Usage` and `Finished` last. Raises `ProviderUnavailable` when it was cut."""
        if self._finish is None and not self.ended:
            raise ProviderUnavailable.by(Fault.BROKEN, "the stream ended in the middle of the answer")
        self._finish_tool_calls()
        reason = self._finish or FinishReason.STOP
        if self._called and reason is FinishReason.STOP:  # some servers say "stop" after tool calls
            reason = FinishReason.TOOL_CALLS
        return [*self.take(), self.reported_usage() or self._estimate(), Finished(reason, self._model)]

    @abstractmethod
    def reported_usage(self) -> Usage | None:
        """The tokens that the provider has reported so far; None before it did."""

    @abstractmethod
    def _read(self, payload: dict[str, Any]) -> None:
        """Take in the JSON of one event; any exception means that it is malformed."""

    @abstractmethod
    def _finish_tool_calls(self) -> None:
        """Emit the tool calls still being collected."""

    def _say(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError("text has to be a string")
        self.tokens += 1
        self._written.append(text)
        if self._ready and isinstance(last := self._ready[-1], TextDelta):
            self._ready[-1] = TextDelta(last.text + text)
        else:
            self._ready.append(TextDelta(text))

    def _think(self, text: str) -> None:
        self.tokens += 1
        self._reasoning.append(text)

    def _call(self, identifier: str, name: str, arguments: str) -> None:
        self._called = True
        self._written.append(name + arguments)
        identifier = identifier or f"call_{uuid4().hex[:24]}"
        self._ready.append(ToolCall(identifier, name, _parsed_arguments(arguments)))

    def _estimate(self) -> Usage:
        return estimate_usage(self._prompt, "".join(self._written), "".join(self._reasoning))


def count(value: object) -> int:
    """A number of tokens as reported: null, missing and nonsense are 0."""
    return value if isinstance(value, int) and value > 0 else 0


def _parsed_arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {"_raw": text}
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, dict) else {"_raw": text}
