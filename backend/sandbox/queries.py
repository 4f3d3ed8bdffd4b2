"""All SQL of the sandbox's record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, func, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access.models import Person
from backend.sandbox.models import SandboxRun


async def runs_before(
    session: AsyncSession,
    search: str,
    verdict: str,
    since: datetime | None,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> Sequence[tuple[SandboxRun, str | None]]:
    """Runs with their person's name, the latest first, those before a place in that order.

    `search` looks in people's names and addresses, in owners and in images.
    """
    statement = (
        select(SandboxRun, Person.name)
        .outerjoin(Person, col(Person.id) == col(SandboxRun.person_id))
        .order_by(col(SandboxRun.created_at).desc(), col(SandboxRun.id).desc())
        .limit(most)
    )
    if search:
        named = [
            col(Person.name).icontains(search, autoescape=True),
            col(Person.email).icontains(search, autoescape=True),
        ]
        named += [col(each).contains(search, autoescape=True) for each in (SandboxRun.owner, SandboxRun.image)]
        if (person := _as_id(search)) is not None:
            named.append(col(SandboxRun.person_id) == person)
        statement = statement.where(or_(*named))
    if verdict:
        statement = statement.where(col(SandboxRun.verdict) == verdict)
    if since is not None:
        statement = statement.where(col(SandboxRun.created_at) >= since)
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
