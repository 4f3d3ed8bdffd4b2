"""SQL of what students wrote: questions, thumbs-down, transcripts; pseudonyms, reveals, and what was seen to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.insights.models import Resolution, Reveal

OF_STUDENT = """
JOIN memberships student
  ON student.section_id = c.section_id AND student.person_id = c.person_id AND student.role = 'student'
LEFT JOIN insight_pseudonyms known ON known.section_id = c.section_id AND known.person_id = c.person_id
"""
HERE = "c.section_id = :section AND (CAST(:lesson AS uuid) IS NULL OR c.lesson_key = CAST(:lesson AS uuid))"
AFTER = (
    "(CAST(:after_at AS timestamptz) IS NULL"
    " OR ({at}, {id}) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))"
)
SAID = "(:search = '' OR {content} ILIKE :search ESCAPE '\\')"

QUESTIONS_FROM = f"""
FROM messages q JOIN conversations c ON c.id = q.conversation_id {OF_STUDENT}
WHERE {HERE} AND q.role = 'user' AND q.replaced_by IS NULL AND q.created_at >= :since AND q.created_at < :until
  AND {SAID.format(content="q.content")}
"""
QUESTIONS = f"""
SELECT asked.*, a.content AS answer, a.status, a.rating FROM (
  SELECT q.id, q.conversation_id, q.created_at, q.content, c.lesson_key, known.code
  {QUESTIONS_FROM} AND {AFTER.format(at="q.created_at", id="q.id")}
  ORDER BY q.created_at DESC, q.id DESC LIMIT :most
) AS asked LEFT JOIN LATERAL (
  SELECT role, content, status, rating FROM messages
  WHERE conversation_id = asked.conversation_id AND id > asked.id AND replaced_by IS NULL ORDER BY id LIMIT 1
) AS a ON a.role = 'assistant' ORDER BY asked.created_at DESC, asked.id DESC
"""
COMPLAINTS_FROM = f"""
FROM messages a JOIN conversations c ON c.id = a.conversation_id {OF_STUDENT}
LEFT JOIN insight_resolutions done ON done.message_id = a.id
WHERE {HERE} AND a.rating = -1 AND a.created_at >= :since AND a.created_at < :until
  AND (done.id IS NOT NULL) = :resolved
  AND (:search = '' OR a.content ILIKE :search ESCAPE '\\' OR a.rating_reason ILIKE :search ESCAPE '\\')
"""
COMPLAINTS = f"""
SELECT rated.*, q.content AS question, p.name AS resolved_by FROM (
  SELECT a.id, a.conversation_id, a.created_at, a.content, a.rating_reason, c.lesson_key, known.code,
    done.created_at AS resolved_at, done.resolved_by AS resolver
  {COMPLAINTS_FROM} AND {AFTER.format(at="a.created_at", id="a.id")}
  ORDER BY a.created_at DESC, a.id DESC LIMIT :most
) AS rated LEFT JOIN LATERAL (
  SELECT content FROM messages WHERE conversation_id = rated.conversation_id AND id < rated.id AND role = 'user'
  ORDER BY id DESC LIMIT 1
) AS q ON true LEFT JOIN people p ON p.id = rated.resolver ORDER BY rated.created_at DESC, rated.id DESC
"""
TRANSCRIPTS = f"""
SELECT begun.*, said.* FROM (
  SELECT c.id, c.lesson_key, c.created_at, known.code FROM conversations c {OF_STUDENT}
  WHERE {HERE} AND c.created_at >= :since AND c.created_at < :until AND (:code = '' OR known.code = :code)
    AND {AFTER.format(at="c.created_at", id="c.id")}
  ORDER BY c.created_at DESC, c.id DESC LIMIT :most
) AS begun CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE role = 'user' AND replaced_by IS NULL) AS questions,
    count(*) FILTER (WHERE rating = -1) AS thumbs_down
  FROM messages WHERE conversation_id = begun.id
) AS said ORDER BY begun.created_at DESC, begun.id DESC
"""
CONVERSATION = f"""
SELECT c.id, c.person_id, c.lesson_key, known.code, p.name, p.email
FROM conversations c {OF_STUDENT} JOIN people p ON p.id = c.person_id
WHERE c.section_id = :section AND c.id = :conversation
"""
LINES = """
SELECT id, role, content, status, rating, rating_reason, created_at FROM messages
WHERE conversation_id = :conversation AND replaced_by IS NULL ORDER BY id
"""
NAMELESS = """
SELECT m.person_id FROM memberships m WHERE m.section_id = :section AND m.role = 'student' AND NOT EXISTS (
  SELECT FROM insight_pseudonyms p WHERE p.section_id = m.section_id AND p.person_id = m.person_id)
"""
NAME = """
INSERT INTO insight_pseudonyms (id, created_at, section_id, person_id, code)
SELECT gen_random_uuid(), now(), :section, given.* FROM unnest(CAST(:people AS uuid[]), CAST(:codes AS text[])) AS given
ON CONFLICT DO NOTHING
"""
OF_SECTION = f"""
SELECT a.id FROM messages a JOIN conversations c ON c.id = a.conversation_id {OF_STUDENT}
WHERE c.section_id = :section AND a.id = :message AND a.rating = -1
"""


async def questions(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Standing questions, the latest first, each with the answer that stands."""
    return (await session.execute(text(QUESTIONS), parameters)).all()


async def count_questions(session: AsyncSession, parameters: Mapping[str, Any]) -> int:
    """How many there are on all pages."""
    return int((await session.execute(text(f"SELECT count(*) {QUESTIONS_FROM}"), parameters)).scalar_one())


async def complaints(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Answers with a thumbs-down, the latest first, each with its question."""
    return (await session.execute(text(COMPLAINTS), parameters)).all()


async def count_complaints(session: AsyncSession, parameters: Mapping[str, Any]) -> int:
    """How many there are on all pages."""
    return int((await session.execute(text(f"SELECT count(*) {COMPLAINTS_FROM}"), parameters)).scalar_one())


async def is_complaint(session: AsyncSession, section_id: UUID, message_id: UUID) -> bool:
    """Whether a message is an answer of this section that got a thumbs-down."""
    found = await session.execute(text(OF_SECTION), {"section": section_id, "message": message_id})
    return found.one_or_none() is not None


async def resolve(session: AsyncSession, message_id: UUID, person_id: UUID | None) -> None:
    """Note who saw to an answer; who was first stays."""
    known = await session.exec(select(Resolution).where(col(Resolution.message_id) == message_id))
    if known.one_or_none() is None:
        session.add(Resolution(message_id=message_id, resolved_by=person_id))


async def unresolve(session: AsyncSession, message_id: UUID) -> None:
    """Nobody has seen to it after all."""
    await session.exec(delete(Resolution).where(col(Resolution.message_id) == message_id))


async def transcripts(session: AsyncSession, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Conversations, the latest begun first."""
    return (await session.execute(text(TRANSCRIPTS), parameters)).all()


async def conversation(session: AsyncSession, section_id: UUID, conversation_id: UUID) -> Any | None:
    """A student's conversation in this section, with who they are."""
    parameters = {"section": section_id, "conversation": conversation_id}
    return (await session.execute(text(CONVERSATION), parameters)).one_or_none()


async def lines(session: AsyncSession, conversation_id: UUID) -> Sequence[Any]:
    """A conversation's standing messages, oldest first."""
    return (await session.execute(text(LINES), {"conversation": conversation_id})).all()


async def standing_reveal(
    session: AsyncSession, section_id: UUID, student_id: UUID, person_id: UUID | None, since: datetime
) -> Reveal | None:
    """The last time, since a moment, that a person learnt a student's name."""
    statement = select(Reveal).where(
        col(Reveal.section_id) == section_id,
        col(Reveal.student_id) == student_id,
        col(Reveal.revealed_to) == person_id,
        col(Reveal.created_at) > since,
    )
    return (await session.exec(statement.order_by(col(Reveal.created_at).desc()).limit(1))).one_or_none()


async def nameless(session: AsyncSession, section_id: UUID) -> Sequence[UUID]:
    """The section's students who have no pseudonym yet."""
    return (await session.execute(text(NAMELESS), {"section": section_id})).scalars().all()


async def give_pseudonyms(
    session: AsyncSession, section_id: UUID, people: Sequence[UUID], codes: Sequence[str]
) -> None:
    """Call people so; who has a pseudonym keeps it, and a code that is taken is nobody else's."""
    await session.execute(text(NAME), {"section": section_id, "people": list(people), "codes": list(codes)})
