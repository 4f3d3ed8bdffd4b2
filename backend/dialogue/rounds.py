"""An answer in rounds: the model writes, may call tools, hears of their results and writes on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

from backend.dialogue.tools import toolbox_for
from backend.genai import AssistantMessage, CompletionRequest, Event, Restarted, TextDelta, ToolCall
from backend.genai import stream as complete

MAX_CALLS = 6
"""Tool calls in one turn."""
BREAK = "\n\n"
"""Between what was written before a tool's result and after it."""


@dataclass(frozen=True, slots=True)
class ToolsCalled:
    """A round ended: what it wrote stands, and tools are at work. `label` says so to the reader."""

    label: str


async def answer_in_rounds(request: CompletionRequest, turn_id: UUID) -> AsyncGenerator[Event | ToolsCalled, None]:
    """The events of an answer; `Restarted` voids what came since the last `ToolsCalled`.

    Once the calls are used up the model is asked to answer without. Raises what `genai.stream` raises.
    """
    toolbox = await toolbox_for(request, turn_id)
    messages, used = list(request.prompt.messages), 0
    while True:
        prompt = replace(request.prompt, messages=tuple(messages))
        if toolbox is not None:
            prompt = replace(prompt, tools=toolbox.offered, tool_choice="auto" if used < MAX_CALLS else "none")
        written: list[str] = []
        calls: list[ToolCall] = []
        async with aclosing(complete(replace(request, prompt=prompt))) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        written.append(event.text)
                    case ToolCall():
                        calls.append(event)
                    case Restarted():
                        written.clear()
                        calls.clear()
                yield event
        if toolbox is None or not calls or used >= MAX_CALLS:
            return
        if text := "".join(written):
            yield TextDelta(BREAK)
        yield ToolsCalled(toolbox.label(calls))
        results = await toolbox.run(calls, used, MAX_CALLS - used)
        messages += [AssistantMessage(text, tuple(calls)), *results]
        used += len(calls)
