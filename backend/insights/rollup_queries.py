"""SQL that keeps the rollups: how far they reach, which days are stale, and counting days anew."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.insights.counting import ROLL_ACTIVITY, ROLL_COSTS
from backend.insights.coverage import GRACE, Coverage, day_of, ranges

DUE = """
SELECT s.id, s.timezone FROM sections s LEFT JOIN insight_sections r ON r.section_id = s.id
WHERE r.id IS NULL OR r.timezone <> s.timezone
  OR r.rolled_through < (CAST(:moment AS timestamptz) AT TIME ZONE s.timezone)::date - 1
  OR EXISTS (SELECT FROM insight_stale d WHERE d.section_id = s.id)
ORDER BY s.id
"""
FIRST_MOMENT = """
SELECT least(
  (SELECT min(created_at) FROM conversations WHERE section_id = :section),
  (SELECT min(created_at) FROM completion_requests WHERE section_id = :section),
  (SELECT min(m.created_at) FROM messages m JOIN conversations c ON c.id = m.conversation_id
   WHERE c.section_id = :section)
)
"""
FRESH_STALE = """
DELETE FROM insight_stale WHERE section_id = :section AND day IN (
  SELECT DISTINCT day FROM insight_stale WHERE section_id = :section ORDER BY day LIMIT :most
) RETURNING day
"""
REACH = """
INSERT INTO insight_sections (id, created_at, section_id, rolled_through, timezone)
VALUES (gen_random_uuid(), now(), :section, :through, :zone)
ON CONFLICT (section_id) DO UPDATE SET rolled_through = excluded.rolled_through, timezone = excluded.timezone
"""


async def coverage_of(session: AsyncSession, section_id: UUID, zone: ZoneInfo) -> Coverage:
    """How far the rollups of a section reach; nowhere when they are of another time zone's days."""
    found = await session.execute(
        text("SELECT rolled_through FROM insight_sections WHERE section_id = :section AND timezone = :zone"),
        {"section": section_id, "zone": zone.key},
    )
    stale = await session.execute(
        text("SELECT DISTINCT day FROM insight_stale WHERE section_id = :section"), {"section": section_id}
    )
    return Coverage(section_id, zone, found.scalar_one_or_none(), frozenset(stale.scalars()))


async def sections_due(session: AsyncSession, moment: datetime) -> Sequence[tuple[UUID, str]]:
    """(section, time zone) wherever a day closed or became stale since the last rollup."""
    found = await session.execute(text(DUE), {"moment": moment - GRACE})
    return [(row.id, row.timezone) for row in found]


async def lock_reach(session: AsyncSession, section_id: UUID, zone: ZoneInfo) -> date | None:
    """Through which day a section is rolled up, locked until the transaction's end; None when nowhere."""
    found = await session.execute(
        text("SELECT rolled_through, timezone FROM insight_sections WHERE section_id = :section FOR UPDATE"),
        {"section": section_id},
    )
    row = found.one_or_none()
    return row.rolled_through if row and row.timezone == zone.key else None


async def first_day(session: AsyncSession, section_id: UUID, zone: ZoneInfo) -> date | None:
    """The section's first day on which anything happened."""
    moment = (await session.execute(text(FIRST_MOMENT), {"section": section_id})).scalar_one()
    return day_of(moment, zone) if moment else None


async def forget_rollups(session: AsyncSession, section_id: UUID) -> None:
    """Delete all of a section's, so that the next rollup counts every day."""
    for table in ("insight_activity", "insight_costs", "insight_stale", "insight_sections"):
        await session.execute(text(f"DELETE FROM {table} WHERE section_id = :section"), {"section": section_id})


async def take_stale(session: AsyncSession, section_id: UUID, most: int) -> set[date]:
    """Up to `most` stale days, which are the caller's to count anew in this transaction.

    Whoever changes something meanwhile leaves another mark.
    """
    found = await session.execute(text(FRESH_STALE), {"section": section_id, "most": most})
    return set(found.scalars())


async def count_days(session: AsyncSession, section_id: UUID, zone: ZoneInfo, days: Collection[date]) -> None:
    """Count these days from the rows themselves, instead of whatever was counted before."""
    parameters: dict[str, Any] = {"section": section_id} | ranges(sorted(days), zone)
    for table in ("insight_activity", "insight_costs"):
        forget = f"DELETE FROM {table} WHERE section_id = :section AND day = ANY (CAST(:days AS date[]))"
        await session.execute(text(forget), {"section": section_id, "days": parameters["days"]})
    for statement in (ROLL_ACTIVITY, ROLL_COSTS):
        await session.execute(text(statement), parameters)


async def set_reach(session: AsyncSession, section_id: UUID, zone: ZoneInfo, through: date) -> None:
    """Note through which day a section is rolled up."""
    await session.execute(text(REACH), {"section": section_id, "zone": zone.key, "through": through})
