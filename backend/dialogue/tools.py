"""What a model may do while it answers: tools by feature, each bounded, acting with the rights of whoever asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError

from backend.access import Actor, actor_of
from backend.core.errors import StoaError
from backend.genai import CompletionRequest, Feature, Tool, ToolCall, ToolResult

log = structlog.get_logger(__name__)

RESULT_MAX_LENGTH = 8_000
"""Characters of a result that the model is told."""
CUT = "\n[The rest was left out.]"


@dataclass(frozen=True, slots=True)
class ToolContext:
    """For whom a tool works. None of it comes from the model."""

    actor: Actor
    section_id: UUID
    conversation_id: UUID
    call: str
    """Names this call of this turn, for what must happen once."""


Allowed = Callable[[Actor, UUID], Awaitable[bool]]


async def always(actor: Actor, section_id: UUID) -> bool:
    """Wherever its feature is."""
    return True


@dataclass(frozen=True, slots=True)
class DialogueTool:
    """A tool of some features' conversations.

    `run` takes the context and the validated `arguments`, and returns what the model is told; a `StoaError` it raises
    is told to the model in its own words.
    """

    name: str
    description: str
    """For the model: what it gives, and when to use it."""
    label: str
    """For the reader, while it works: “Running Python”."""
    arguments: type[BaseModel]
    run: Callable[[ToolContext, Any], Awaitable[str]]
    features: frozenset[Feature]
    time_limit: float = 20.0
    """Seconds."""
    allowed: Allowed = always
    """Whether this actor's conversations in this section have it."""


_tools: dict[str, DialogueTool] = {}


def register_tool(tool: DialogueTool) -> None:
    """Make a tool known to this process."""
    _tools[tool.name] = tool


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that one turn may use."""

    actor: Actor
    section_id: UUID
    conversation_id: UUID
    turn_id: UUID
    tools: Mapping[str, DialogueTool]

    @property
    def offered(self) -> Sequence[Tool]:
        """The tools as a model is told of them."""
        return [Tool(tool.name, tool.description, _schema(tool.arguments)) for tool in self.tools.values()]

    def label(self, calls: Sequence[ToolCall]) -> str:
        """What the reader is told of these calls."""
        return next((self.tools[call.name].label for call in calls if call.name in self.tools), "Looking something up")

    async def run(self, calls: Sequence[ToolCall], before: int, allowed: int) -> list[ToolResult]:
        """Do the first `allowed` of these calls at once; how the others went says that it was too much.

        `before` counts the turn's earlier calls.
        """
        return await asyncio.gather(
            *(
                self._run(call, before + place) if place < allowed else _too_many(call)
                for place, call in enumerate(calls)
            )
        )

    async def _run(self, call: ToolCall, place: int) -> ToolResult:
        if (tool := self.tools.get(call.name)) is None:
            return _failed(call, f"There is no tool called {call.name[:60]}.")
        context = ToolContext(self.actor, self.section_id, self.conversation_id, f"{self.turn_id}:{place}")
        try:
            arguments = tool.arguments.model_validate(call.arguments)
            async with asyncio.timeout(tool.time_limit):
                return ToolResult(call.id, _shortened(await tool.run(context, arguments)))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            return _failed(call, f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}")
        except TimeoutError:
            return _failed(call, f"It took longer than {tool.time_limit:g} seconds.")
        except StoaError as error:
            return _failed(call, error.message)
        except Exception:
            log.exception("tool_crashed", tool=tool.name, turn=str(self.turn_id))
            return _failed(call, "Something went wrong on our side.")


async def toolbox_for(request: CompletionRequest, turn_id: UUID) -> Toolbox | None:
    """The tools of a turn, if it has any: those of its feature that its asker may use in its section now."""
    known = [tool for tool in _tools.values() if request.feature in tool.features]
    if not known or request.person_id is None or request.section_id is None or request.conversation_id is None:
        return None
    actor = await actor_of(request.person_id)
    tools = {tool.name: tool for tool in known if await tool.allowed(actor, request.section_id)}
    return Toolbox(actor, request.section_id, request.conversation_id, turn_id, tools) if tools else None


def _schema(arguments: type[BaseModel]) -> Mapping[str, Any]:
    return {
        name: value for name, value in arguments.model_json_schema().items() if name not in {"title", "description"}
    }


def _shortened(text: str) -> str:
    return text if len(text) <= RESULT_MAX_LENGTH else text[: RESULT_MAX_LENGTH - len(CUT)] + CUT


def _failed(call: ToolCall, why: str) -> ToolResult:
    return ToolResult(call.id, why, is_error=True)


async def _too_many(call: ToolCall) -> ToolResult:
    return _failed(call, "That is enough of tools: answer with what you have.")
