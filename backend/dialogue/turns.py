"""Running turns apart from any browser: one asyncio task per turn, events to Redis, the truth to Postgres."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog

from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import NotFound, StoaError, Unavailable
from backend.core.events import SNAPSHOT, TEXT, EventHub, StreamEvent
from backend.core.ids import new_id, parse_id
from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings
from backend.core.tasks import end_tasks, go_on_after_cancellation
from backend.core.telemetry import TURNS, TURNS_ACTIVE
from backend.dialogue import queries
from backend.dialogue.context import load_context
from backend.dialogue.conversations import clean
from backend.dialogue.models import Turn, TurnStatus
from backend.dialogue.rounds import ToolsCalled, answer_in_rounds
from backend.genai import CompletionRequest, Event, Restarted, Routed, TextDelta, Usage

log = structlog.get_logger(__name__)

STOPS = "stoa:stops"
"""Redis channel of stop hints: a turn's id."""
LISTEN = 30.0
"""Seconds to wait for a hint before waiting again; the client's own time limit would end the subscription."""
SAVE_RETRY = 1.0
"""Seconds between tries to save an answer while Postgres is away."""
LAST_SAVE = 5.0
"""Seconds that answers have to get saved when the process ends. The next sweep keeps what Redis has of the rest."""
CRASHED = "Something went wrong on our side while answering. Please try again."


def stream_name(turn_id: UUID) -> str:
    """The Redis stream of a turn."""
    return f"stoa:turn:{turn_id}"


@dataclass(slots=True)
class Answer:
    """An answer as it grows."""

    message_id: UUID
    """Where it is saved."""
    parts: list[str] = field(default_factory=list)
    standing: int = 0
    """How many of the parts stay when the model is asked anew: those before the last tool call."""
    model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    begun: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    first_token_ms: float | None = None
    stopping: bool = False
    ending: bool = False
    """It is being stored: too late to stop."""

    @property
    def text(self) -> str:
        """What came so far."""
        return "".join(self.parts)

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the turn began."""
        return (asyncio.get_running_loop().time() - self.begun) * 1000

    def add(self, usage: Usage) -> None:
        """Count what another round used. The cost is unknown once one round's is."""
        if (before := self.usage) is None:
            self.usage, self.cost_usd = usage, usage.cost_usd
            return
        if self.cost_usd is not None:
            self.cost_usd = None if usage.cost_usd is None else self.cost_usd + usage.cost_usd
        self.usage = replace(
            usage,
            input_tokens=before.input_tokens + usage.input_tokens,
            output_tokens=before.output_tokens + usage.output_tokens,
            estimated=before.estimated or usage.estimated,
        )

    def values(self, error: str = "") -> dict[str, Any]:
        """The answer's columns."""
        return {
            "content": self.text,
            "error": error,
            "model": self.model,
            "input_tokens": self.usage.input_tokens if self.usage else None,
            "output_tokens": self.usage.output_tokens if self.usage else None,
            "tokens_estimated": bool(self.usage and self.usage.estimated),
            "cost_usd": self.cost_usd,
            "first_token_ms": self.first_token_ms,
            "duration_ms": self.elapsed_ms,
        }


class TurnRunner:
    """This web process's turns. `run()` keeps its loops; turns launched without it would never be swept."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
        self.hub = EventHub()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._answers: dict[UUID, Answer] = {}

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Flow events, hear stops and sweep silent turns until the block ends; then interrupt what still runs."""
        async with self.hub.run():
            loops = [asyncio.create_task(x) for x in (self._sweep_forever(), self._hear_stops(), self._beat_forever())]
            try:
                yield
            finally:
                await end_tasks(loops)
                await self._wind_down()

    async def _wind_down(self) -> None:
        """Interrupt what still answers; what is being saved is left to it for a moment."""
        for turn_id, task in self._tasks.items():
            if not ((answer := self._answers.get(turn_id)) and answer.ending):
                task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=LAST_SAVE)
            await end_tasks(late)

    def launch(self, turn_id: UUID, answer_id: UUID) -> None:
        """Begin to answer a stored turn."""
        task = asyncio.create_task(self._run(turn_id, answer_id), name=f"turn {turn_id}")
        self._tasks[turn_id] = task
        TURNS_ACTIVE.set(len(self._tasks))
        task.add_done_callback(lambda _: self._forget(turn_id))

    async def stop(self, turn_id: UUID) -> None:
        """Stop a turn at once if it runs here, else tell the process that runs it."""
        if self._stop_here(turn_id):
            return
        try:
            await get_redis().publish(STOPS, str(turn_id))
        except RedisError:
            log.warning("stop_hint_lost", turn=str(turn_id))  # the column is read at the next checkpoint

    def _stop_here(self, turn_id: UUID, *, again: bool = False) -> bool:
        """Whether the turn runs here. `again` cancels once more: see `end_tasks` for why that may be needed."""
        task, answer = self._tasks.get(turn_id), self._answers.get(turn_id)
        if task is None or answer is None:
            return False
        if not answer.ending and (again or not answer.stopping):
            answer.stopping = True
            task.cancel()
        return True

    def _forget(self, turn_id: UUID) -> None:
        self._tasks.pop(turn_id, None)
        self._answers.pop(turn_id, None)
        TURNS_ACTIVE.set(len(self._tasks))

    async def _run(self, turn_id: UUID, answer_id: UUID) -> None:
        answer = self._answers[turn_id] = Answer(answer_id)
        status, error = TurnStatus.FAILED, ""
        try:
            await self._beat({turn_id: answer})
            await self._answer(turn_id, await load_context(turn_id), answer)
            status = TurnStatus.FINISHED
        except asyncio.CancelledError:
            go_on_after_cancellation()
            status = TurnStatus.STOPPED if answer.stopping else TurnStatus.INTERRUPTED
        except NotFound:
            return  # its conversation was deleted
        except StoaError as failure:
            error = failure.message
            log.warning("turn_failed", turn=str(turn_id), error=failure.code, detail=getattr(failure, "detail", ""))
        except Exception:
            error = CRASHED
            log.exception("turn_crashed", turn=str(turn_id))
        answer.ending = True
        await self._save(turn_id, answer.message_id, status, answer.values(error))
        await self._announce(turn_id, status, error, answer.text)

    async def _answer(self, turn_id: UUID, request: CompletionRequest, answer: Answer) -> None:
        stream = stream_name(turn_id)
        async with aclosing(answer_in_rounds(request, turn_id)) as events:
            async for event in events:
                self._note(stream, event, answer)

    def _note(self, stream: str, event: Event | ToolsCalled, answer: Answer) -> None:
        match event:
            case TextDelta() if text := clean(event.text):
                first = answer.first_token_ms is None
                if first:
                    answer.first_token_ms = answer.elapsed_ms
                answer.parts.append(text)
                self.hub.publish(stream, TEXT, {"text": text}, urgent=first)
            case Routed():
                answer.model = event.model
                self.hub.publish(stream, "routed", {"model": event.model, "reason": event.reason})
            case Restarted():
                answer.model = event.model
                del answer.parts[answer.standing :]
                told = {"model": event.model, "reason": event.reason, "text": answer.text}
                self.hub.publish(stream, "restarted", told)
            case ToolsCalled():
                answer.standing = len(answer.parts)
                self.hub.publish(stream, "working", {"label": event.label}, urgent=True)
            case Usage():
                answer.add(event)

    async def _beat_forever(self) -> None:
        """At every checkpoint: save all texts in one go, which shows life, and obey stops that came without a hint."""
        while True:
            await asyncio.sleep(get_settings().turn_checkpoint)
            growing = dict(self._answers)
            try:
                await self._beat(growing)
            except Unavailable:
                log.warning("checkpoint_missed", turns=len(growing))
            except Exception:
                log.exception("checkpoint_crashed")
            for turn_id, answer in growing.items():
                if not answer.ending and self.hub.has_lost(stream := stream_name(turn_id)):
                    self.hub.publish(stream, SNAPSHOT, _whole(answer.text, TurnStatus.STREAMING))

    async def _beat(self, growing: Mapping[UUID, Answer]) -> None:
        if not growing:
            return
        texts = {answer.message_id: answer.text for answer in growing.values()}
        async with transaction() as session:
            going_on = await queries.heartbeat(session, self.owner, list(growing), texts)
        for turn_id in growing.keys() - going_on:
            self._stop_here(turn_id, again=True)

    async def _save(self, turn_id: UUID, answer_id: UUID, status: TurnStatus, values: dict[str, Any]) -> None:
        """Store the answer, however long Postgres is away: it was paid for."""
        while True:
            try:
                async with transaction() as session:
                    await queries.finish_turn(session, turn_id, answer_id, status, values)
                break
            except Unavailable:
                log.warning("answer_waits_for_postgres", turn=str(turn_id))
                await asyncio.sleep(SAVE_RETRY)
        TURNS.labels(status.value).inc()

    async def _announce(self, turn_id: UUID, status: TurnStatus, error: str, text: str) -> None:
        name, data = ending(status, error)
        await self.hub.close_stream(stream_name(turn_id), name, data, whole=_whole(text, status))

    async def _hear_stops(self) -> None:
        while True:
            try:
                async with get_redis().pubsub() as channel:
                    await channel.subscribe(STOPS)
                    while True:
                        hint = await channel.get_message(ignore_subscribe_messages=True, timeout=LISTEN)
                        if hint and (turn_id := parse_id(hint["data"])):
                            self._stop_here(turn_id)
            except (RedisError, OSError):
                await asyncio.sleep(1)

    async def _sweep_forever(self) -> None:
        while True:
            try:
                await self.sweep()
            except Unavailable:
                await asyncio.sleep(get_settings().turn_silence)  # nobody could show life: let them do so first
            except Exception:
                log.exception("sweep_crashed")
            await asyncio.sleep(get_settings().turn_sweep)

    async def sweep(self) -> int:
        """End the turns whose process fell silent, keeping the text that got out; the number ended."""
        async with transaction() as session:
            silent = await queries.silent_turns(session, now() - timedelta(seconds=get_settings().turn_silence))
        swept = 0
        for turn, message in silent:
            if turn.id not in self._tasks:
                swept += await self._end_for(turn, message.content)
        return swept

    async def _end_for(self, turn: Turn, saved: str) -> bool:
        text = max(saved, await self._streamed(turn.id), key=len)
        status = TurnStatus.STOPPED if turn.stop_requested_at else TurnStatus.INTERRUPTED
        async with transaction() as session:
            ended = await queries.finish_turn(session, turn.id, turn.answer_id, status, {"content": text})
        if ended:
            TURNS.labels(status.value).inc()
            log.info("turn_swept", turn=str(turn.id), owner=turn.owner, status=status.value)
            self.hub.publish(stream_name(turn.id), SNAPSHOT, _whole(text, status))  # the stream may have a gap
            await self._announce(turn.id, status, "", text)
        return ended

    async def _streamed(self, turn_id: UUID) -> str:
        """The text that the lost process got out to Redis: up to two seconds more than its last checkpoint."""
        try:
            return replay(await self.hub.read(stream_name(turn_id)))
        except RedisError:
            return ""


def replay(events: Sequence[StreamEvent]) -> str:
    """The text that a stream's events add up to."""
    text = ""
    for event in events:
        data = json.loads(event.data)
        if event.name == TEXT:
            text += data["text"]
        elif event.name in {SNAPSHOT, "restarted"}:
            text = data.get("text", "")
    return text


def ending(status: TurnStatus, error: str) -> tuple[str, dict[str, Any]]:
    """The last event of a turn that ended like this: its name and data."""
    if status is TurnStatus.FAILED:
        return "error", {"message": error, "retryable": True}
    return "end", {"status": status}


def _whole(text: str, status: TurnStatus) -> dict[str, Any]:
    return {"text": text, "status": status}


@lru_cache(maxsize=1)
def get_runner() -> TurnRunner:
    """This process's runner."""
    return TurnRunner()
