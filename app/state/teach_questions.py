"""What students ask, what they are answered, and the answers that didn't help."""

from typing import Any, TypedDict
from uuid import UUID

import reflex as rx

from app.state.session import acting
from app.state.teach import TeachState
from backend import insights
from backend.core.errors import Invalid, NotFound, StoaError
from backend.core.ids import parse_id

ALL, OPEN, RESOLVED = "all", "open", "resolved"
LONGEST_SEARCH = 200


class QuestionItem(TypedDict):
    """A question with its answer. `message` is the answer's id where it is a thumbs-down."""

    message: str
    href: str
    pseudonym: str
    lesson: str
    at: str
    question: str
    answer: str
    status: str
    rating: int
    reason: str
    resolved_by: str
    resolved_at: str


class TeachQuestionsState(TeachState):
    """Questions, or the queue of thumbs-down."""

    show: str = ALL
    search: str = ""
    items: list[QuestionItem] = []
    total: int = 0
    waiting: int = 0
    """Thumbs-down that nobody has seen to, under the same filters."""
    has_more: bool = False
    loading: bool = True

    _after: str = ""

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        asked = self._parameter("show")
        self.show = asked if asked in {OPEN, RESOLVED} else ALL
        try:
            section_id, filters = await self._enter()
            await self._read(section_id, filters)
        except StoaError as error:
            return self._failed(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only what holds `text`."""
        self.search = text[:LONGEST_SEARCH] if isinstance(text, str) else ""
        await self._read(*await self._enter())

    @rx.event
    async def show_more(self) -> None:
        """The next page."""
        section_id, filters = await self._enter()
        await self._read(section_id, filters, self._after)

    @rx.event
    async def resolve(self, message_id: str, resolved: bool) -> None:
        """Mark a thumbs-down as seen to, or as not."""
        target = parse_id(message_id)
        if target is None:
            raise NotFound("There is no such answer.")
        if not isinstance(resolved, bool):
            raise Invalid
        section_id, filters = await self._enter()
        await insights.resolve_complaint(acting(), section_id, target, resolved=resolved)
        await self._read(section_id, filters)
        self._tell("Marked as resolved." if resolved else "Back in the queue.")

    async def _read(self, section_id: UUID, filters: insights.Filters, after: str = "") -> None:
        actor, found = acting(), self.search
        kept = self.items if after else []
        if self.show == ALL:
            page = await insights.read_questions(actor, section_id, filters, search=found, after=after)
            self.items = [*kept, *(self._question(each) for each in page.questions)]
            self.total, self._after = page.total, page.after
            complaints = await insights.read_complaints(actor, section_id, filters, search=found)
            self.waiting = complaints.total
        else:
            resolved = self.show == RESOLVED
            queue = await insights.read_complaints(
                actor, section_id, filters, resolved=resolved, search=found, after=after
            )
            self.items = [*kept, *(self._complaint(each) for each in queue.complaints)]
            self.total, self._after = queue.total, queue.after
            self.waiting = 0 if resolved else queue.total
        self.has_more = self._after != ""

    def _href(self, conversation_id: UUID) -> str:
        joined = f"{self.query}&" if self.query else "?"
        return f"/s/{self.slug}/teach/transcripts{joined}conversation={conversation_id}"

    def _question(self, each: insights.Question) -> QuestionItem:
        return QuestionItem(
            message=str(each.message_id),
            href=self._href(each.conversation_id),
            pseudonym=each.pseudonym,
            lesson=each.lesson_title,
            at=each.asked_at.isoformat(),
            question=each.question,
            answer=each.answer,
            status=each.answer_status,
            rating=each.rating,
            reason="",
            resolved_by="",
            resolved_at="",
        )

    def _complaint(self, each: insights.Complaint) -> QuestionItem:
        return QuestionItem(
            message=str(each.message_id),
            href=self._href(each.conversation_id),
            pseudonym=each.pseudonym,
            lesson=each.lesson_title,
            at=each.answered_at.isoformat(),
            question=each.question,
            answer=each.answer,
            status="",
            rating=-1,
            reason=each.reason,
            resolved_by=each.resolved_by,
            resolved_at=each.resolved_at.isoformat() if each.resolved_at else "",
        )
