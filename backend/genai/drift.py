"""Models that answer as another than the one they are pinned to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.genai import usage_queries


@dataclass(frozen=True, slots=True)
class Drift:
    """A registered model was asked for `pinned`, and `times` the response said that `answered` served it."""

    id: UUID
    name: str
    pinned: str
    answered: str
    times: int
    since: datetime
    last: datetime


async def read_drifts(actor: Actor) -> list[Drift]:
    """Models that answer as another than the one they are pinned to, the latest first."""
    require(actor, Action.GENAI_OBSERVE)
    async with transaction() as session:
        rows = await usage_queries.drifts(session)
    return [Drift(*row) for row in rows]
