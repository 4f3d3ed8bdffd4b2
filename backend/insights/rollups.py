"""The job that counts closed days beforehand, so that a dashboard of 200,000 messages opens fast."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action
from backend.core.clock import now
from backend.core.database import transaction
from backend.genai import zone_named
from backend.insights import rollup_queries as queries
from backend.insights.coverage import last_closed
from backend.jobs import JobContext, Kind

EVERY = 3600.0
"""Seconds between rollups. Figures are true in between: what isn't rolled up is counted when it is read."""
STEP = 31
"""Days that one transaction counts."""


class RollupPayload(BaseModel):
    """All sections that have something to count."""


class RollupResult(BaseModel):
    """What was counted."""

    sections: int
    days: int


async def roll_up(context: JobContext, _payload: RollupPayload) -> RollupResult:
    """Count every section's closed and stale days. Doing it again changes nothing; each step stands by itself."""
    async with transaction() as session:
        due = await queries.sections_due(session, now())
    days = 0
    for place, (section_id, timezone) in enumerate(due):
        await context.progress(place / len(due), f"Section {place + 1} of {len(due)}")
        zone, counted = zone_named(timezone), None
        while counted != 0:
            async with context.transaction() as session:
                counted = await roll_step(session, section_id, zone, now())
            days += counted
    return RollupResult(sections=len(due), days=days)


async def roll_step(session: AsyncSession, section_id: UUID, zone: ZoneInfo, moment: datetime) -> int:
    """Count up to `STEP` stale and as many newly closed days of a section; how many it were, 0 at the end."""
    closed = last_closed(moment, zone)
    through = await queries.lock_reach(session, section_id, zone)
    if through is None:
        await queries.forget_rollups(session, section_id)
        first = await queries.first_day(session, section_id, zone)
        through = min(first - timedelta(days=1), closed) if first else closed
    stale = {day for day in await queries.take_stale(session, section_id, STEP) if day <= through}
    until = max(through, min(closed, through + timedelta(days=STEP)))
    fresh = {through + timedelta(days=n + 1) for n in range((until - through).days)}
    if days := stale | fresh:
        await queries.count_days(session, section_id, zone, days)
    await queries.set_reach(session, section_id, zone, until)
    return len(days)


ROLLUP = Kind(
    "rollup", RollupPayload, RollupResult, roll_up, Action.INSIGHTS_MAINTAIN,
    limit=1, every=EVERY, title="Counting for dashboards",
)  # fmt: skip
