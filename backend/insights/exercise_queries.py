"""SQL about submissions: how exercises go, and who tries in vain. Only verdicts on the program count."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

GRADED = """
submissions t JOIN memberships student
  ON student.section_id = t.section_id AND student.person_id = t.person_id AND student.role = 'student'
WHERE t.section_id = :section AND t.verdict <> 'sandbox_error'
"""
"""`t`: a student's attempt that got a verdict."""
EXERCISES = f"""
SELECT b.key, b.body::json ->> 'title' AS title, l.key AS lesson_key, l.title AS lesson_title,
  count(each.person_id) AS tried, count(*) FILTER (WHERE each.passed) AS passed,
  coalesce(sum(each.attempts), 0) AS attempts
FROM sections s JOIN lessons l ON l.version_id = s.version_id JOIN modules m ON m.id = l.module_id
JOIN blocks b ON b.lesson_id = l.id AND b.kind = 'exercise'
LEFT JOIN (
  SELECT t.block_key, t.person_id, count(*) AS attempts, bool_or(t.verdict = 'accepted') AS passed
  FROM {GRADED} AND t.created_at >= :since AND t.created_at < :until GROUP BY t.block_key, t.person_id
) AS each ON each.block_key = b.key
WHERE s.id = :section AND (CAST(:lesson AS uuid) IS NULL OR l.key = CAST(:lesson AS uuid))
GROUP BY m.id, l.id, b.id ORDER BY m.position, l.position, b.position
"""
TRIALS = f"""
SELECT t.person_id, t.block_key, max(t.created_at) AS last_at, bool_or(t.verdict = 'accepted') AS passed,
  count(*) FILTER (WHERE t.created_at >= :since AND t.created_at < :until) AS shown,
  count(*) FILTER (WHERE t.created_at >= :recent) AS recent
FROM {GRADED} GROUP BY t.person_id, t.block_key
"""
SUBMITTED_SINCE = f"SELECT count(*) FROM {GRADED} AND t.created_at > :since"


async def exercises(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """The section's exercises in reading order, each with how many tried and passed it in a period."""
    return (await session.execute(text(EXERCISES), parameters)).all()


async def trials(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """For each student and exercise: the last attempt, whether one passed, and attempts in a period and recently."""
    return (await session.execute(text(TRIALS), parameters)).all()


async def submitted_since(session: AsyncSession, section_id: UUID, since: Any) -> int:
    """Attempts that got a verdict, made after a moment."""
    found = await session.execute(text(SUBMITTED_SINCE), {"section": section_id, "since": since})
    return int(found.scalar_one())
