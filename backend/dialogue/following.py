"""Following a turn: what `GET /api/v1/turns/{id}/events` sends, from Redis or, without it, from Postgres."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from backend.access import Actor
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.core.events import Sign, StreamEvent, id_key
from backend.core.redis import RedisError
from backend.dialogue.asking import readable_turn
from backend.dialogue.models import Message, Turn, TurnStatus
from backend.dialogue.turns import get_runner, stream_name

TERMINAL = frozenset({"end", "error"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event; one without a name is a comment that keeps the connection open."""

    name: str = ""
    data: str = ""
    id: str = ""

    def encode(self) -> str:
        """The frame on the wire (WHATWG HTML, server-sent events)."""
        if not self.name:
            return ": alive\n\n"
        return f"{f'id: {self.id}' + chr(10) if self.id else ''}event: {self.name}\ndata: {self.data}\n\n"


async def follow_turn(actor: Actor, turn_id: UUID, last_id: str = "") -> AsyncIterator[list[Frame]] | None:
    """The turn's events after `last_id` in batches, up to and with its terminal one; None when nothing is left to say.

    Raises `NotFound` for others' turns and `Invalid` for a malformed `last_id`.
    """
    _check(last_id)
    turn, answer = await readable_turn(actor, turn_id)
    if TurnStatus(turn.status).active:
        return _live(actor, turn_id, last_id)
    events = await _stored(turn_id, last_id)
    if events and events[-1].name in TERMINAL:
        return _once(_frames(events))
    return None if last_id else _once(_ending(turn, answer))


def _check(last_id: str) -> None:
    try:
        id_key(last_id or "0")
    except ValueError:
        raise Invalid("Last-Event-ID isn't one of this stream's ids.") from None


async def _stored(turn_id: UUID, last_id: str) -> Sequence[StreamEvent]:
    try:
        return await get_runner().hub.read(stream_name(turn_id), last_id)
    except RedisError:
        return ()


async def _once(frames: list[Frame]) -> AsyncIterator[list[Frame]]:
    yield frames


async def _live(actor: Actor, turn_id: UUID, last_id: str) -> AsyncIterator[list[Frame]]:
    async with aclosing(get_runner().hub.follow(stream_name(turn_id), last_id)) as batches:
        async for batch in batches:
            frames = _frames(batch) if isinstance(batch, list) else await _from_database(actor, turn_id, batch)
            yield frames
            if frames[-1].name in TERMINAL:
                return


async def _from_database(actor: Actor, turn_id: UUID, sign: Sign) -> list[Frame]:
    """What Postgres knows: the checkpoint while Redis is away, and the end when its event was lost."""
    try:
        turn, answer = await readable_turn(actor, turn_id)
    except (Unavailable, NotFound) as error:
        return [Frame("error", json.dumps({"message": error.message}))] if isinstance(error, NotFound) else [Frame()]
    if not TurnStatus(turn.status).active:
        return _ending(turn, answer)
    return [_snapshot(answer) if sign is Sign.OUTAGE else Frame()]


def _ending(turn: Turn, answer: Message) -> list[Frame]:
    if turn.status == TurnStatus.FAILED:
        return [Frame("error", json.dumps({"message": answer.error, "retryable": True}))]
    return [_snapshot(answer), Frame("end", json.dumps({"status": turn.status}))]


def _snapshot(answer: Message) -> Frame:
    return Frame("snapshot", json.dumps({"text": answer.content, "status": answer.status}))


def _frames(events: Sequence[StreamEvent]) -> list[Frame]:
    """Events as frames; neighbouring text becomes one, so that a late follower gets one block, not a thousand."""
    frames: list[Frame] = []
    for event in events:
        if event.name == "text" and frames and frames[-1].name == "text":
            text = json.loads(frames[-1].data)["text"] + json.loads(event.data)["text"]
            frames[-1] = Frame("text", json.dumps({"text": text}), event.id)
        else:
            frames.append(Frame(event.name, event.data, event.id))
    return frames
