"""All SQL of the sandbox's record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, func, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.sandbox.models import SandboxRun


async def runs_before(
    session: AsyncSession, search: str, verdict: str, before: tuple[datetime, UUID] | None, most: int
) -> Sequence[SandboxRun]:
    """Runs, the latest first, those before a place in that order; `search` looks in owners, people and images."""
    statement = select(SandboxRun).order_by(col(SandboxRun.created_at).desc(), col(SandboxRun.id).desc()).limit(most)
    if search:
        named = [col(SandboxRun.owner).contains(search, autoescape=True), col(SandboxRun.image).contains(search)]
        if (person := _as_id(search)) is not None:
            named.append(col(SandboxRun.person_id) == person)
        statement = statement.where(or_(*named))
    if verdict:
        statement = statement.where(SandboxRun.verdict == verdict)
    if before is not None:
        statement = statement.where(tuple_(col(SandboxRun.created_at), col(SandboxRun.id)) < before)
    return (await session.exec(statement)).all()


async def forget_runs(session: AsyncSession, days: int) -> int:
    """Delete runs older than `days`; how many there were."""
    old = col(SandboxRun.created_at) < func.clock_timestamp() - func.make_interval(0, 0, 0, days)
    return (await session.exec(delete(SandboxRun).where(old))).rowcount


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
