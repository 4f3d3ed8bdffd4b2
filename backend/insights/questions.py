"""What students asked and got, and the answers that didn't help them."""

from typing import Any
from uuid import UUID

from backend.access import Action, Actor
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.core.paging import cursor_at, parse_cursor
from backend.insights import text_queries as queries
from backend.insights.overview import total_of
from backend.insights.pseudonyms import ensure_pseudonyms, shown
from backend.insights.queries import activity
from backend.insights.schemas import Complaint, ComplaintPage, Filters, Question, QuestionPage, TranscriptSwitch
from backend.insights.sections import Opened, opened, snapshot

PAGE = 30
LONGEST_SEARCH = 200


async def read_questions(
    actor: Actor, section_id: UUID, filters: Filters | None = None, *, search: str = "", after: str = ""
) -> QuestionPage:
    """One page of the students' questions, the latest first, that hold `search`. They are those that charts count."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters, Action.INSIGHTS_STUDENTS)
    await ensure_pseudonyms(section_id)
    parameters = page_of(here, after) | {"search": pattern(search)}
    async with snapshot() as session:
        rows = await queries.questions(session, parameters)
        if parameters["search"]:
            total = await queries.count_questions(session, parameters)
        else:
            total = total_of(await activity(session, here.counted())).questions
    questions = tuple(_question(here, row) for row in rows[:PAGE])
    return QuestionPage(here.head, questions, total, questions[-1].cursor if len(rows) > PAGE else "")


async def read_complaints(
    actor: Actor,
    section_id: UUID,
    filters: Filters | None = None,
    *,
    resolved: bool = False,
    search: str = "",
    after: str = "",
) -> ComplaintPage:
    """One page of answers with a thumbs-down that somebody, or nobody, has seen to; the latest answers first."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters, Action.INSIGHTS_STUDENTS)
    await ensure_pseudonyms(section_id)
    parameters = page_of(here, after) | {"search": pattern(search), "resolved": bool(resolved)}
    async with snapshot() as session:
        rows = await queries.complaints(session, parameters)
        total = await queries.count_complaints(session, parameters)
    complaints = tuple(_complaint(here, row) for row in rows[:PAGE])
    return ComplaintPage(here.head, complaints, total, complaints[-1].cursor if len(rows) > PAGE else "")


async def resolve_complaint(actor: Actor, section_id: UUID, message_id: UUID, *, resolved: bool) -> None:
    """Say that an answer with a thumbs-down was seen to, or that it wasn't after all; who and when is kept."""
    async with transaction() as session:
        await opened(session, actor, section_id, action=Action.INSIGHTS_STUDENTS)
        if not await queries.is_complaint(session, section_id, message_id):
            raise NotFound("There is no such answer, or its thumbs-down was taken back.")
        if resolved:
            await queries.resolve(session, message_id, actor.person_id)
        else:
            await queries.unresolve(session, message_id)


def page_of(here: Opened, after: str) -> dict[str, Any]:
    """Parameters of one page of a list: a row more than is shown says whether there is another."""
    place = parse_cursor(after)
    at, row_id = place or (None, None)
    return here.listed() | {"after_at": at, "after_id": row_id, "most": PAGE + 1}


def pattern(search: str) -> str:
    """`search` as a pattern that matches wherever it stands, literally; empty for everything."""
    search = search.replace("\0", "").encode("utf-8", "ignore").decode().strip()[:LONGEST_SEARCH]
    for sign in ("\\", "%", "_"):
        search = search.replace(sign, f"\\{sign}")
    return f"%{search}%" if search else ""


def author(here: Opened, code: str | None) -> str:
    """Who wrote something: nobody says where the section shows no transcripts."""
    return "" if here.head.transcripts is TranscriptSwitch.OFF else shown(code)


def _question(here: Opened, row: Any) -> Question:
    return Question(
        message_id=row.id,
        conversation_id=row.conversation_id,
        pseudonym=author(here, row.code),
        lesson_key=row.lesson_key,
        lesson_title=here.lesson_title(row.lesson_key),
        asked_at=row.created_at,
        question=row.content,
        answer=row.answer or "",
        answer_status=row.status or "",
        rating=row.rating or 0,
        cursor=cursor_at(row.created_at, row.id),
    )


def _complaint(here: Opened, row: Any) -> Complaint:
    return Complaint(
        message_id=row.id,
        conversation_id=row.conversation_id,
        pseudonym=author(here, row.code),
        lesson_key=row.lesson_key,
        lesson_title=here.lesson_title(row.lesson_key),
        answered_at=row.created_at,
        question=row.question or "",
        answer=row.content,
        reason=row.rating_reason,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by or "",
        cursor=cursor_at(row.created_at, row.id),
    )
