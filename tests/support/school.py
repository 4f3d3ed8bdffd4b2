"""A small school in the test's database: one course in two sections, and people of every role, already signed in."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import SQLModel, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor, Person, Role, actor_for
from backend.access.models import Membership, Session
from backend.core.clock import now
from backend.core.database import transaction
from backend.courses import CourseText, LessonText, ensure_section
from backend.courses.models import Lesson, Section
from backend.courses.writing import publish_course
from backend.dialogue.models import Conversation, Message, MessageRole, Turn, TurnStatus
from tests.support.loaves import EXERCISE

PASSWORD = "correct horse battery"

ROLES = (
    "anonymous",
    "student",
    "student_elsewhere",
    "assistant",
    "instructor",
    "instructor_elsewhere",
    "administrator",
)
"""Everybody who may knock. Elsewhere: in another section of the same course."""

COURSE = CourseText(
    slug="baking",
    title="Baking",
    summary="Bread, from flour to crumb.",
    modules=(
        (
            "Dough",
            (
                LessonText(
                    "flour", "Flour", 10, "## Gluten\n\nFlour and water make gluten.\n\n## Ash\n\nT55 is white."
                ),
                LessonText("yeast", "Yeast", 15, "Yeast eats sugar and makes gas.", exercises=(("loaves", EXERCISE),)),
            ),
        ),
        ("Oven", (LessonText("exam", "Bake a loaf", 60, "Bake it.", graded=True),)),
    ),
)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a session."""

    id: UUID
    email: str
    token: str

    @property
    def cookie(self) -> str:
        """The Cookie header of their browser."""
        return f"stoa_session={self.token}"

    async def actor(self) -> Actor:
        """What they are now."""
        return await actor_for(self.token)


@dataclass(slots=True)
class School:
    """The section `here`, the section `elsewhere` of the same course, and its people by role."""

    here: Section
    elsewhere: Section
    members: dict[str, Member] = field(default_factory=dict)
    lessons: dict[str, UUID] = field(default_factory=dict)

    @property
    def exercise(self) -> UUID:
        """The key of the exercise in the lesson on yeast."""
        return uuid5(self.lessons["yeast"], "exercise loaves")

    async def actor(self, role: str = "student") -> Actor:
        """The person of a role, as they are now."""
        member = self.members.get(role)
        return await actor_for(member.token if member else None)

    def cookie(self, role: str) -> str:
        """The Cookie header of a role's browser."""
        member = self.members.get(role)
        return member.cookie if member else ""


async def found_school() -> School:
    """Make it."""
    async with transaction() as session:
        course, version = await publish_course(session, COURSE)
        here = await ensure_section(session, course, version.id, "baking-autumn", "Autumn", "UTC")
        elsewhere = await ensure_section(session, course, version.id, "baking-spring", "Spring", "UTC")
        school = School(here, elsewhere)
        for role in ROLES[1:]:
            section = elsewhere if role.endswith("elsewhere") else here
            held = None if role == "administrator" else Role(role.removesuffix("_elsewhere"))
            school.members[role] = await _add_member(
                session, role.replace("_", " ").title(), section if held else None, held
            )
        school.lessons = dict((await session.exec(select(Lesson.slug, Lesson.key))).all())
    return school


async def make_member(
    name: str, section: Section | None = None, role: Role | None = None, *, disabled: bool = False
) -> Member:
    """A person with a session; an administrator when they have no role."""
    async with transaction() as session:
        return await _add_member(session, name, section, role, disabled=disabled)


async def open_session(person_id: UUID, *, expires_in: timedelta = timedelta(days=1)) -> str:
    """Another session of a person; its token."""
    async with transaction() as session:
        return _add_session(session, person_id, expires_in)


async def _add_member(
    session: AsyncSession, name: str, section: Section | None, role: Role | None, *, disabled: bool = False
) -> Member:
    person = Person(
        email=f"{name.lower().replace(' ', '.')}@example.org",
        name=name,
        password_hash=_password_hash(),
        is_administrator=role is None,
        disabled_at=now() if disabled else None,
    )
    session.add(person)
    await session.flush()
    if section and role:
        session.add(Membership(person_id=person.id, section_id=section.id, role=role))
    return Member(person.id, person.email, _add_session(session, person.id, timedelta(days=1)))


def _add_session(session: AsyncSession, person_id: UUID, expires_in: timedelta) -> str:
    token, moment = secrets.token_urlsafe(16), now()
    session.add(
        Session(
            person_id=person_id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            seen_at=moment,
            expires_at=moment + expires_in,
        )
    )
    return token


async def converse(
    member: Member, section: Section, *texts: str, title: str = "A talk", lesson_key: UUID | None = None
) -> UUID:
    """A conversation that took place: question, answer, question, answer…; its id."""
    conversation = Conversation(
        feature="student_dialogue",
        section_id=section.id,
        person_id=member.id,
        lesson_key=lesson_key,
        title=title,
        updated_at=now(),
    )
    async with transaction() as session:
        session.add(conversation)
        await session.flush()
        for place, content in enumerate(texts):
            role = MessageRole.ASSISTANT if place % 2 else MessageRole.USER
            session.add(Message(conversation_id=conversation.id, role=role, content=content))
    return conversation.id


async def messages_of(conversation_id: UUID) -> list[Message]:
    """Every message of a conversation, replaced ones too, oldest first."""
    async with transaction() as session:
        found = await session.exec(
            select(Message).where(Message.conversation_id == conversation_id).order_by(Message.id)
        )
        return list(found.all())


async def turn_of(turn_id: UUID) -> Turn:
    """A turn's row."""
    async with transaction() as session:
        return (await session.exec(select(Turn).where(Turn.id == turn_id))).one()


async def begin_turn(conversation_id: UUID, owner: str = "another:process") -> Turn:
    """An active turn of a process that isn't here: an answer to the last question."""
    prompt = [each for each in await messages_of(conversation_id) if each.role == MessageRole.USER][-1]
    answer = Message(
        conversation_id=conversation_id, role=MessageRole.ASSISTANT, content="", status=TurnStatus.STREAMING
    )
    async with transaction() as session:
        session.add(answer)
        await session.flush()
        turn = Turn(
            conversation_id=conversation_id,
            prompt_id=prompt.id,
            answer_id=answer.id,
            status=TurnStatus.STREAMING,
            owner=owner,
            heartbeat_at=now(),
        )
        session.add(turn)
    return turn


async def change(table: type[SQLModel], row_id: UUID, **values: Any) -> None:
    """Change columns of one row."""
    async with transaction() as session:
        await session.exec(update(table).where(table.id == row_id).values(**values))


@lru_cache(maxsize=1)
def _password_hash() -> str:
    return PasswordHash((Argon2Hasher(),)).hash(PASSWORD)
