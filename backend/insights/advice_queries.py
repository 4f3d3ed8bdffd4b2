"""SQL of recommendations and of what their readers think of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.ids import new_id
from backend.insights.models import RecommendationRow, RecommendationThumb

LATEST = """
SELECT a.id, a.job_id, a.headline, a.body, a.model, a.problem, a.written_at, a.failed_at,
  j.status AS job_status, j.error_message AS job_problem
FROM insight_advice a LEFT JOIN jobs j ON j.id = a.job_id WHERE a.section_id = :section ORDER BY a.id DESC LIMIT :most
"""
THUMB = """
INSERT INTO insight_thumbs (id, created_at, recommendation_id, person_id, rating, comment)
VALUES (:id, :moment, :recommendation, :person, :rating, :comment)
ON CONFLICT (recommendation_id, person_id) DO UPDATE SET rating = excluded.rating, comment = excluded.comment
"""


async def one_at_a_time(session: AsyncSession, section_id: UUID) -> None:
    """Until this transaction ends, nobody else decides about a recommendation for the section."""
    await session.execute(text("SELECT id FROM sections WHERE id = :id FOR NO KEY UPDATE"), {"id": section_id})


async def latest(session: AsyncSession, section_id: UUID) -> Any | None:
    """The last recommendation that was asked for, with how its job stands."""
    return (await session.execute(text(LATEST), {"section": section_id, "most": 1})).one_or_none()


async def last_written(session: AsyncSession, section_id: UUID) -> RecommendationRow | None:
    """The last recommendation that was written."""
    row = col(RecommendationRow.written_at)
    statement = select(RecommendationRow).where(col(RecommendationRow.section_id) == section_id, row.is_not(None))
    return (await session.exec(statement.order_by(row.desc()).limit(1))).one_or_none()


async def section_of(session: AsyncSession, recommendation_id: UUID) -> UUID | None:
    """Whose recommendation it is, once it is written."""
    statement = select(RecommendationRow.section_id).where(
        col(RecommendationRow.id) == recommendation_id, col(RecommendationRow.written_at).is_not(None)
    )
    return (await session.exec(statement)).one_or_none()


async def set_written(
    session: AsyncSession, recommendation_id: UUID, headline: str, body: str, model: str, moment: datetime
) -> bool:
    """Store what was written; whether anybody still waits for it."""
    statement = (
        update(RecommendationRow)
        .where(col(RecommendationRow.id) == recommendation_id, col(RecommendationRow.failed_at).is_(None))
        .values(headline=headline, body=body, model=model, written_at=moment)
    )
    return bool((await session.exec(statement)).rowcount)


async def set_failed(session: AsyncSession, recommendation_id: UUID, problem: str, moment: datetime) -> None:
    """Nothing came of it, so that another may be written."""
    await session.exec(
        update(RecommendationRow)
        .where(col(RecommendationRow.id) == recommendation_id)
        .values(problem=problem, failed_at=moment)
    )


async def thumb_of(session: AsyncSession, recommendation_id: UUID, person_id: UUID | None) -> Sequence[Any]:
    """(rating, comment) of a person, if they gave one."""
    statement = select(RecommendationThumb.rating, RecommendationThumb.comment).where(
        col(RecommendationThumb.recommendation_id) == recommendation_id,
        col(RecommendationThumb.person_id) == person_id,
    )
    return (await session.exec(statement)).one_or_none() or (0, "")


async def put_thumb(
    session: AsyncSession, recommendation_id: UUID, person_id: UUID | None, rating: int, comment: str, moment: datetime
) -> None:
    """Store a person's one thumb, instead of the one they gave before."""
    await session.execute(
        text(THUMB),
        {
            "id": new_id(),
            "moment": moment,
            "recommendation": recommendation_id,
            "person": person_id,
            "rating": rating,
            "comment": comment,
        },
    )


async def drop_thumb(session: AsyncSession, recommendation_id: UUID, person_id: UUID | None) -> None:
    """Take a person's thumb back."""
    await session.exec(
        delete(RecommendationThumb).where(
            col(RecommendationThumb.recommendation_id) == recommendation_id,
            col(RecommendationThumb.person_id) == person_id,
        )
    )
