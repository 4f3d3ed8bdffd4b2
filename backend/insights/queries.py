"""SQL of the dashboard: sections, counts for charts, and what students wrote. People are students of the section."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.courses.models import Block, BlockKind, Lesson, Module, Section
from backend.insights.counting import ACTIVITY, COSTS, COSTS_BY_DAY, OF_STUDENTS, sums
from backend.insights.models import DashboardSwitches, Visit

SECTION_ROW = """
SELECT s.slug, s.title, s.timezone, s.starts_on, s.ends_on, s.version_id, c.title AS course_title,
  (SELECT count(*) FROM memberships m WHERE m.section_id = s.id AND m.role = 'student') AS students
FROM sections s JOIN courses c ON c.id = s.course_id WHERE s.id = :section
"""
HERE = "(CAST(:lesson AS uuid) IS NULL OR lesson_key = CAST(:lesson AS uuid))"


def _each(all_days: int, all_lessons: int, key: str) -> str:
    """Counts by a key: first of each person, so that who is active is counted without sorting everything."""
    day, lesson = ("NULL::date" if all_days else "day"), ("NULL::uuid" if all_lessons else "lesson_key")
    return f"""
SELECT {all_days} AS all_days, {all_lessons} AS all_lessons, {day} AS day, {lesson} AS lesson_key,
  count(*) FILTER (WHERE questions > 0) AS active, {sums(ACTIVITY)}
FROM (SELECT {key}person_id, {sums(ACTIVITY)} FROM mine GROUP BY {key}person_id) AS one
"""


BY_DAY_AND_LESSON = f"""
WITH mine AS MATERIALIZED (SELECT * FROM ({OF_STUDENTS}) AS did WHERE {HERE})
{_each(0, 1, "day, ")} GROUP BY day UNION ALL {_each(1, 0, "lesson_key, ")} GROUP BY lesson_key
UNION ALL {_each(1, 1, "")}
"""
COSTS_BY = f"""
SELECT grouping(day) AS all_days, grouping(feature) AS all_features, grouping(model_id) AS all_models,
  day, feature, model_id, {sums(COSTS)}
FROM ({COSTS_BY_DAY}) AS spent GROUP BY GROUPING SETS ((day), (feature), (model_id), ())
"""
COSTS_EACH = f"""
SELECT day, feature, model_id, {sums(COSTS)} FROM ({COSTS_BY_DAY}) AS spent
GROUP BY day, feature, model_id ORDER BY day, feature, model_id
"""
MODEL_NAMES = """
SELECT asked.id, coalesce(m.name, (SELECT requested_model FROM completion_requests
  WHERE section_id = :section AND model_id = asked.id ORDER BY created_at DESC LIMIT 1), '') AS name
FROM unnest(CAST(:ids AS uuid[])) AS asked (id) LEFT JOIN registered_models m ON m.id = asked.id
"""
SERVING = """
SELECT chosen.feature, c.id, c.name, c.budget_usd FROM (
  SELECT DISTINCT ON (feature) feature, config_id FROM feature_configs
  WHERE section_id = :section OR section_id IS NULL ORDER BY feature, section_id NULLS LAST
) AS chosen JOIN service_configs c ON c.id = chosen.config_id ORDER BY c.name, chosen.feature
"""
SPENDING = """
SELECT config_id, coalesce(sum(cost_usd), 0) AS spent, count(*) FILTER (WHERE unpriced) AS unpriced,
  coalesce(sum(cost_usd) FILTER (WHERE section_id = :section), 0) AS section_spent
FROM completion_requests WHERE config_id = ANY (CAST(:configs AS uuid[])) AND created_at >= :since GROUP BY config_id
"""
STUDENTS = f"""
SELECT p.id, p.name, p.email, m.created_at AS joined_at, max(did.day) FILTER (WHERE did.questions > 0) AS last_active,
  coalesce(sum(did.questions) FILTER (WHERE did.day BETWEEN :shown_first AND :shown_last AND {HERE}), 0) AS questions,
  coalesce(sum(did.thumbs_down) FILTER (WHERE did.day > :recent), 0) AS thumbs_down
FROM memberships m JOIN people p ON p.id = m.person_id LEFT JOIN ({OF_STUDENTS}) AS did ON did.person_id = m.person_id
WHERE m.section_id = :section AND m.role = 'student' GROUP BY p.id, m.created_at
"""
VISIT = """
INSERT INTO insight_visits AS known (id, created_at, section_id, person_id, visited_at)
VALUES (gen_random_uuid(), :moment, :section, :person, :moment)
ON CONFLICT (section_id, person_id) DO UPDATE SET visited_at = excluded.visited_at,
  previous_at = CASE WHEN known.visited_at < excluded.visited_at - make_interval(secs => :sitting)
    THEN known.visited_at ELSE known.previous_at END
"""


async def section_id_of(session: AsyncSession, slug: str) -> UUID | None:
    """The section with this slug."""
    return (await session.exec(select(Section.id).where(col(Section.slug) == slug))).one_or_none()


async def section_row(session: AsyncSession, section_id: UUID) -> Any | None:
    """A section with its course's title and its number of students."""
    return (await session.execute(text(SECTION_ROW), {"section": section_id})).one_or_none()


async def lesson_titles(session: AsyncSession, version_id: UUID) -> Sequence[tuple[UUID, str]]:
    """(key, title) of a version's lessons in reading order."""
    statement = (
        select(Lesson.key, Lesson.title)
        .join(Module, col(Module.id) == col(Lesson.module_id))
        .where(col(Lesson.version_id) == version_id)
        .order_by(col(Module.position), col(Lesson.position))
    )
    return (await session.exec(statement)).all()


async def practice_lessons(session: AsyncSession, version_id: UUID) -> Sequence[tuple[UUID, str]]:
    """As `lesson_titles`, without graded ones: beside those the tutor is usually off."""
    statement = select(Lesson.key).where(col(Lesson.version_id) == version_id, col(Lesson.graded))
    graded = set((await session.exec(statement)).all())
    return [each for each in await lesson_titles(session, version_id) if each[0] not in graded]


async def exercise_keys(session: AsyncSession, version_id: UUID) -> Sequence[UUID]:
    """A version's exercises in reading order."""
    statement = (
        select(Block.key)
        .join(Lesson, col(Lesson.id) == col(Block.lesson_id))
        .join(Module, col(Module.id) == col(Lesson.module_id))
        .where(col(Lesson.version_id) == version_id, col(Block.kind) == BlockKind.EXERCISE)
        .order_by(col(Module.position), col(Lesson.position), col(Block.position))
    )
    return (await session.exec(statement)).all()


async def switches_row(session: AsyncSession, section_id: UUID, *, lock: bool = False) -> DashboardSwitches | None:
    """A section's own switches, if it has any."""
    statement = select(DashboardSwitches).where(col(DashboardSwitches.section_id) == section_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def activity(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """(all_days, all_lessons, day, lesson_key, active, counts…): a row for each day, each lesson, and all of them."""
    return (await session.execute(text(BY_DAY_AND_LESSON), parameters)).all()


async def costs(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Figures for each day, each feature, each model, and all of them; `all_…` say which a row is of."""
    return (await session.execute(text(COSTS_BY), parameters)).all()


async def costs_each(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Figures for each day, feature and model where there are any."""
    return (await session.execute(text(COSTS_EACH), parameters)).all()


async def model_names(session: AsyncSession, section_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Models' names; of those that are gone what providers were asked for."""
    rows = await session.execute(text(MODEL_NAMES), {"section": section_id, "ids": list(ids)})
    return {row.id: row.name for row in rows}


async def serving(session: AsyncSession, section_id: UUID) -> Sequence[Any]:
    """(feature, config's id, name, budget_usd) for every feature as it is served in a section."""
    return (await session.execute(text(SERVING), {"section": section_id})).all()


async def spending(
    session: AsyncSession, section_id: UUID, configs: Sequence[UUID], since: datetime
) -> Mapping[UUID, Any]:
    """What was spent of service configs since a moment: by everybody, and by a section."""
    parameters = {"section": section_id, "configs": list(configs), "since": since}
    return {row.config_id: row for row in await session.execute(text(SPENDING), parameters)}


async def students(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """The section's students with when they were last active, and counts."""
    return (await session.execute(text(STUDENTS), parameters)).all()


async def visit_of(session: AsyncSession, section_id: UUID, person_id: UUID | None) -> Visit | None:
    """A person's visits to a section's dashboard."""
    statement = select(Visit).where(col(Visit.section_id) == section_id, col(Visit.person_id) == person_id)
    return (await session.exec(statement)).one_or_none()


async def note_visit(
    session: AsyncSession, section_id: UUID, person_id: UUID | None, moment: datetime, sitting: float
) -> None:
    """A person is here; after more than `sitting` seconds away a new visit begins."""
    parameters = {"section": section_id, "person": person_id, "moment": moment, "sitting": sitting}
    await session.execute(text(VISIT), parameters)
