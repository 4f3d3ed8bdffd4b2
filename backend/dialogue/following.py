"""Following a turn: what `GET /api/v1/turns/{id}/events` sends, from Redis or, without it, from Postgres."""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import groupby
from uuid import UUID

from backend.access import Actor
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.core.events import SNAPSHOT, TEXT, Frame, Sign, StreamEvent, id_key
from backend.core.redis import RedisError
from backend.dialogue.asking import readable_turn
from backend.dialogue.models import Message, Turn, TurnStatus
from backend.dialogue.turns import ending, get_runner, replay, stream_name

TERMINAL = frozenset({"end", "error"})
EVENT_ID = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
CHECKPOINT_ID = "0-0"
"""Id of what Postgres told while Redis was away: no event has it, so who resumes from it is told the whole again."""
END_ID = f"{2**64 - 1}-0"
"""Id of an end that Postgres told: after it, nothing is left to say."""


async def follow_turn(actor: Actor, turn_id: UUID, last_id: str = "") -> AsyncGenerator[list[Frame], None] | None:
    """The turn's events after `last_id` in batches, up to and with its terminal one; None when nothing is left to say.

    A `last_id` that isn't in the turn's stream gets the whole, as a snapshot. Raises `NotFound` for others' turns and
    `Invalid` for a malformed `last_id`.
    """
    if last_id and not EVENT_ID.fullmatch(last_id):
        raise Invalid("Last-Event-ID isn't one of this stream's ids.")
    turn, answer = await readable_turn(actor, turn_id)
    if TurnStatus(turn.status).active:
        return _live(actor, turn_id, last_id)
    if last_id == END_ID:
        return None
    frames = await _rest(turn_id, last_id) if last_id else None
    if frames is None:
        frames = _ending(turn, answer)
    return _once(frames) if frames else None


async def _rest(turn_id: UUID, last_id: str) -> list[Frame] | None:
    """What an ended turn's stream holds after `last_id`; None when it doesn't hold `last_id` or isn't whole."""
    try:
        events = await get_runner().hub.read(stream_name(turn_id))
    except RedisError:
        return None
    if not events or events[-1].name not in TERMINAL or last_id not in {event.id for event in events}:
        return None
    return _frames([event for event in events if id_key(event.id) > id_key(last_id)])


async def _once(frames: list[Frame]) -> AsyncGenerator[list[Frame], None]:
    yield frames


async def _live(actor: Actor, turn_id: UUID, last_id: str) -> AsyncGenerator[list[Frame], None]:
    hub, stream = get_runner().hub, stream_name(turn_id)
    in_step = not last_id or await hub.holds(stream, last_id)
    async with aclosing(hub.follow(stream, last_id if in_step else "")) as batches:
        async for batch in batches:
            if isinstance(batch, Sign):
                frames = await _from_database(actor, turn_id, batch)
                in_step = in_step and batch is not Sign.OUTAGE
            elif in_step:
                frames = _frames(batch)
            else:
                frames = await _whole(stream, batch)
                in_step = bool(frames)
                frames = frames or await _from_database(actor, turn_id, Sign.OUTAGE)
            yield frames
            if frames[-1].name in TERMINAL:
                return


async def _whole(stream: str, upto: Sequence[StreamEvent]) -> list[Frame]:
    """The stream as one snapshot, up to and with a batch of its events; nothing while Redis is away."""
    try:
        events = await get_runner().hub.read(stream, upto=upto[-1].id)
    except RedisError:
        return []
    last = [Frame(event.name, event.data, event.id) for event in events[-1:] if event.name in TERMINAL]
    state = {"text": replay(events), "status": TurnStatus.STREAMING}
    return [Frame(SNAPSHOT, json.dumps(state), "" if last else upto[-1].id), *last]


async def _from_database(actor: Actor, turn_id: UUID, sign: Sign) -> list[Frame]:
    """What Postgres knows: the checkpoint while Redis is away, and the end when its event was lost."""
    try:
        turn, answer = await readable_turn(actor, turn_id)
    except Unavailable:
        return [Frame()]
    except NotFound as error:  # the conversation was deleted
        return [Frame("error", json.dumps({"message": error.message, "retryable": False}), END_ID)]
    if not TurnStatus(turn.status).active:
        return _ending(turn, answer)
    return [_snapshot(answer, CHECKPOINT_ID) if sign is Sign.OUTAGE else Frame()]


def _ending(turn: Turn, answer: Message) -> list[Frame]:
    name, data = ending(TurnStatus(turn.status), answer.error)
    return [_snapshot(answer), Frame(name, json.dumps(data), END_ID)]


def _snapshot(answer: Message, event_id: str = "") -> Frame:
    return Frame(SNAPSHOT, json.dumps({"text": answer.content, "status": answer.status}), event_id)


def _frames(events: Sequence[StreamEvent]) -> list[Frame]:
    """Events as frames; neighbouring text becomes one, so that a late follower gets one block, not a thousand."""
    frames: list[Frame] = []
    for name, group in groupby(events, key=lambda event: event.name):
        alike = list(group)
        if name == TEXT and len(alike) > 1:
            text = "".join(json.loads(event.data)["text"] for event in alike)
            frames.append(Frame(TEXT, json.dumps({"text": text}), alike[-1].id))
        else:
            frames += [Frame(event.name, event.data, event.id) for event in alike]
    return frames
