"""What students did, written as the tutor would have, at moments of a test's choosing."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from backend.core.database import transaction
from backend.core.ids import new_id
from backend.courses.models import Section
from backend.dialogue.models import Conversation, Message, MessageRole, TurnStatus


@dataclass(frozen=True, slots=True)
class Said:
    """A question and its answer. `replaced`: both were put differently afterwards."""

    at: datetime
    rating: int | None = None
    status: TurnStatus = TurnStatus.FINISHED
    replaced: bool = False
    text: str = "Why flour?"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation of one person, beside a lesson or none."""

    person: UUID
    said: tuple[Said, ...]
    lesson: UUID | None = None
    id: UUID = field(default_factory=new_id)


async def write(section: Section, talks: Collection[Talk]) -> None:
    """Store them; a conversation begins with its first question."""
    async with transaction() as session:
        for talk in talks:
            begun = talk.said[0].at
            session.add(
                Conversation(
                    id=talk.id,
                    created_at=begun,
                    updated_at=talk.said[-1].at,
                    feature="student_dialogue",
                    section_id=section.id,
                    person_id=talk.person,
                    lesson_key=talk.lesson,
                    title="A talk",
                )
            )
        await session.flush()
        for talk in talks:
            for each in talk.said:
                question, answer = _messages(talk, each)
                session.add_all([question, answer])
                if each.replaced:
                    standing = _messages(talk, replace(each, rating=None))
                    session.add_all(standing)
                    await session.flush()
                    question.replaced_by = answer.replaced_by = standing[0].id


def _messages(talk: Talk, said: Said) -> tuple[Message, Message]:
    question = Message(conversation_id=talk.id, role=MessageRole.USER, content=said.text, created_at=said.at)
    answer = Message(
        conversation_id=talk.id,
        role=MessageRole.ASSISTANT,
        content="Because of gluten.",
        status=said.status,
        rating=said.rating,
        rating_reason=said.reason,
        created_at=said.at + timedelta(milliseconds=1),
    )
    return question, answer
