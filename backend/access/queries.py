"""All SQL about people, memberships and sessions."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, or_, tuple_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access.models import AuditEntry, Membership, Person, Role, Session


async def person_by_email(session: AsyncSession, email: str) -> Person | None:
    """The person with this e-mail address, in any case."""
    return (await session.exec(select(Person).where(func.lower(col(Person.email)) == email.lower()))).one_or_none()


async def person_of_session(
    session: AsyncSession, token_hash: bytes, now: datetime
) -> tuple[Session, Person, Sequence[Membership]] | None:
    """The living session with this token, its enabled person, and what they are where."""
    found = (
        await session.exec(
            select(Session, Person)
            .join(Person, col(Person.id) == Session.person_id)
            .where(Session.token_hash == token_hash, col(Session.expires_at) > now, col(Person.disabled_at).is_(None))
        )
    ).first()
    if found is None:
        return None
    memberships = await session.exec(select(Membership).where(Membership.person_id == found[1].id))
    return found[0], found[1], memberships.all()


async def person_with_memberships(session: AsyncSession, person_id: UUID) -> tuple[Person, Sequence[Membership]] | None:
    """An enabled person, and what they are where."""
    enabled = select(Person).where(Person.id == person_id, col(Person.disabled_at).is_(None))
    if (person := (await session.exec(enabled)).first()) is None:
        return None
    return person, (await session.exec(select(Membership).where(Membership.person_id == person_id))).all()


async def sessions_of(session: AsyncSession, person_id: UUID, now: datetime) -> Sequence[Session]:
    """A person's living sessions, the latest used first."""
    rows = await session.exec(
        select(Session)
        .where(Session.person_id == person_id, col(Session.expires_at) > now)
        .order_by(col(Session.seen_at).desc())
    )
    return rows.all()


async def end_sessions(session: AsyncSession, person_id: UUID, *, only: UUID | None = None) -> int:
    """End all of a person's sessions, or only one; the number ended."""
    statement = delete(Session).where(col(Session.person_id) == person_id)
    if only is not None:
        statement = statement.where(col(Session.id) == only)
    return (await session.exec(statement)).rowcount


async def end_session_by_token(session: AsyncSession, token_hash: bytes) -> None:
    """End the session with this token, if there is one."""
    await session.exec(delete(Session).where(col(Session.token_hash) == token_hash))


async def drop_expired_sessions(session: AsyncSession, now: datetime) -> None:
    """Forget sessions that have ended by themselves."""
    await session.exec(delete(Session).where(col(Session.expires_at) <= now))


async def touch_session(session: AsyncSession, session_id: UUID, now: datetime, expires_at: datetime) -> None:
    """Note that a session was used, which prolongs it."""
    await session.exec(update(Session).where(col(Session.id) == session_id).values(seen_at=now, expires_at=expires_at))


async def set_password_hash(session: AsyncSession, person_id: UUID, password_hash: str) -> None:
    """Keep a person's password under newer parameters."""
    await session.exec(update(Person).where(col(Person.id) == person_id).values(password_hash=password_hash))


async def set_theme(session: AsyncSession, person_id: UUID, theme: str) -> None:
    """Remember how a person wants the pages to look."""
    await session.exec(update(Person).where(col(Person.id) == person_id).values(theme=theme))


async def set_membership(session: AsyncSession, person_id: UUID, section_id: UUID, role: Role) -> None:
    """Make a person `role` in a section, whatever they were there."""
    held = (
        await session.exec(
            select(Membership).where(Membership.person_id == person_id, Membership.section_id == section_id)
        )
    ).one_or_none()
    if held is None:
        session.add(Membership(person_id=person_id, section_id=section_id, role=role))
    else:
        held.role = role


def record(session: AsyncSession, entry: AuditEntry) -> None:
    """Write one line of the audit log in the caller's transaction."""
    session.add(entry)


async def audit_entries(
    session: AsyncSession, search: str, kind: str, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[tuple[AuditEntry, str | None]]:
    """Lines of the audit log with the name of who acted, the latest first."""
    statement = select(AuditEntry, Person.name).outerjoin(Person, col(Person.id) == col(AuditEntry.actor_id))
    if kind:
        statement = statement.where(func.split_part(col(AuditEntry.action), ".", 1) == kind)
    if search:
        said = func.translate(col(AuditEntry.action), "._", "  ")
        someone = func.coalesce(func.concat(col(Person.name), " ", col(Person.email)), "")
        places = (col(AuditEntry.subject), col(AuditEntry.action), said, someone)
        nobody = case((col(AuditEntry.actor_id).is_(None), "the system"), else_="")
        statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in (*places, nobody))))
    if before:
        statement = statement.where(tuple_(col(AuditEntry.created_at), col(AuditEntry.id)) < before)
    order = col(AuditEntry.created_at).desc(), col(AuditEntry.id).desc()
    return (await session.exec(statement.order_by(*order).limit(limit))).all()


async def audit_kinds(session: AsyncSession) -> Sequence[str]:
    """The parts before the dot of all actions in the audit log."""
    kind = func.split_part(col(AuditEntry.action), ".", 1)
    return (await session.exec(select(kind).distinct().order_by(kind))).all()
