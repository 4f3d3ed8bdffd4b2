"""Signing in, being recognised, signing out."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from backend.access import queries
from backend.access.attempts import forget_attempts, note_failure, refuse_when_too_many
from backend.access.errors import PersonDisabled, WrongPassword
from backend.access.models import Membership, Person, Role, Session, Theme
from backend.access.passwords import check_password
from backend.access.policy import ANONYMOUS, Action, Actor, Scope, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Invalid, NotFound
from backend.core.settings import get_settings

TOUCH_AFTER = timedelta(minutes=5)
"""A session's last use is written this often at most: reading a page shouldn't write a row."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request says about where it comes from."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner sees it."""

    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    seen_at: datetime
    current: bool


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _expiry(moment: datetime) -> datetime:
    return moment + timedelta(days=get_settings().session_days)


async def sign_in(email: str, password: str, visitor: Visitor, *, replacing: str | None = None) -> str:
    """Check the password and open a session; its token, for the cookie.

    `replacing` is the token the browser held before: it ends, so that a planted one is worth nothing.
    Raises `TooMany`, `WrongPassword` or `PersonDisabled`.
    """
    email = email.strip()
    await refuse_when_too_many(email, visitor.address)
    async with transaction() as session:
        person = await queries.person_by_email(session, email)
    fits, fresh_hash = await check_password(password, person.password_hash if person else None)
    if person is None or not fits:
        await note_failure(visitor.address)
        raise WrongPassword
    if person.disabled_at is not None:
        raise PersonDisabled
    await forget_attempts(email, visitor.address)
    token, moment = secrets.token_urlsafe(32), now()
    async with transaction() as session:
        if fresh_hash is not None:
            await queries.set_password_hash(session, person.id, fresh_hash)
        if replacing:
            await queries.end_session_by_token(session, _hash(replacing))
        await queries.drop_expired_sessions(session, moment)
        session.add(
            Session(
                person_id=person.id,
                token_hash=_hash(token),
                seen_at=moment,
                expires_at=_expiry(moment),
                user_agent=visitor.user_agent[:300],
                address=visitor.address[:64],
            )
        )
    return token


async def actor_for(token: str | None) -> Actor:
    """Who the holder of this token is; `ANONYMOUS` when it is missing, unknown, expired, or its person disabled."""
    if not token:
        return ANONYMOUS
    moment = now()
    async with transaction() as session:
        found = await queries.person_of_session(session, _hash(token), moment)
        if found is None:
            return ANONYMOUS
        held, person, memberships = found
        if moment - held.seen_at > TOUCH_AFTER:
            await queries.touch_session(session, held.id, moment, _expiry(moment))
    return _actor(person, memberships, held.id)


async def actor_of(person_id: UUID) -> Actor:
    """A person as they are now, for work done in their name; `ANONYMOUS` when they are gone or disabled."""
    async with transaction() as session:
        found = await queries.person_with_memberships(session, person_id)
    return _actor(*found) if found else ANONYMOUS


def _actor(person: Person, memberships: Iterable[Membership], session_id: UUID | None = None) -> Actor:
    return Actor(
        person_id=person.id,
        name=person.name,
        email=person.email,
        theme=person.theme,
        is_administrator=person.is_administrator,
        roles=MappingProxyType({membership.section_id: Role(membership.role) for membership in memberships}),
        session_id=session_id,
    )


async def sign_out(token: str | None) -> None:
    """End the session with this token; nothing happens when there is none."""
    if token:
        async with transaction() as session:
            await queries.end_session_by_token(session, _hash(token))


async def sign_out_everywhere(actor: Actor) -> int:
    """End every session of the actor, this one too; the number ended."""
    require(actor, Action.ACCOUNT_CHANGE, Scope(owner_id=actor.person_id))
    assert actor.person_id is not None
    async with transaction() as session:
        return await queries.end_sessions(session, actor.person_id)


async def end_session(actor: Actor, session_id: UUID) -> None:
    """End one of the actor's sessions. Raises `NotFound` when it is somebody else's."""
    require(actor, Action.ACCOUNT_CHANGE, Scope(owner_id=actor.person_id))
    assert actor.person_id is not None
    async with transaction() as session:
        if not await queries.end_sessions(session, actor.person_id, only=session_id):
            raise NotFound


async def list_sessions(actor: Actor) -> list[SessionInfo]:
    """The actor's living sessions, the latest used first."""
    require(actor, Action.ACCOUNT_READ, Scope(owner_id=actor.person_id))
    assert actor.person_id is not None
    async with transaction() as session:
        held = await queries.sessions_of(session, actor.person_id, now())
    return [
        SessionInfo(row.id, row.user_agent, row.address, row.created_at, row.seen_at, row.id == actor.session_id)
        for row in held
    ]


async def choose_theme(actor: Actor, theme: str) -> None:
    """Remember the actor's theme. Raises `Invalid` for a theme that doesn't exist."""
    require(actor, Action.ACCOUNT_CHANGE, Scope(owner_id=actor.person_id))
    assert actor.person_id is not None
    if theme not in list(Theme):
        raise Invalid("Choose system, light or dark.")
    async with transaction() as session:
        await queries.set_theme(session, actor.person_id, theme)
