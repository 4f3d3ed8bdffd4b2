"""Conversations of a section: whose they are stays hidden until somebody says why they need to know."""

from typing import Any, TypedDict
from uuid import UUID

import reflex as rx

from app.state.session import acting
from app.state.teach import TeachState
from backend import insights
from backend.core.errors import Invalid, NotFound, StoaError
from backend.core.ids import parse_id

LONGEST_REASON = 300


class TranscriptItem(TypedDict):
    """A conversation in the list."""

    id: str
    href: str
    pseudonym: str
    lesson: str
    at: str
    questions: int
    thumbs_down: int


class LineItem(TypedDict):
    """A message."""

    id: str
    role: str
    content: str
    status: str
    rating: int
    reason: str
    at: str


class TeachTranscriptsState(TeachState):
    """The list, and the one that is read."""

    items: list[TranscriptItem] = []
    has_more: bool = False
    opened: str = ""
    """The id of the conversation that is read; empty for none."""
    pseudonym: str = ""
    title: str = ""
    lines: list[LineItem] = []
    may_reveal: bool = False
    name: str = ""
    email: str = ""
    until: str = ""
    """How long the name stays known."""
    asking: bool = False
    """The dialog that asks why is open."""
    reason_problem: str = ""
    search: str = ""
    """A pseudonym."""
    loading: bool = True

    _after: str = ""

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.asking, self.reason_problem = False, ""
        try:
            section_id, filters = await self._enter()
            await self._open(section_id)
            if self.transcripts != insights.TranscriptSwitch.OFF.value:
                await self._list(section_id, filters)
        except StoaError as error:
            return self._failed(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, pseudonym: str) -> None:
        """Show only the conversations of a pseudonym."""
        self.search = pseudonym[:100] if isinstance(pseudonym, str) else ""
        await self._list(*await self._enter())

    @rx.event
    async def show_more(self) -> None:
        """The next page."""
        section_id, filters = await self._enter()
        await self._list(section_id, filters, self._after)

    @rx.event
    async def ask_why(self) -> None:
        """Open the dialog that asks for the reason."""
        self.asking, self.reason_problem = True, ""

    @rx.event
    async def never_mind(self) -> None:
        """Close it."""
        self.asking = False

    @rx.event
    async def reveal(self, form: dict[str, Any]) -> None:
        """Learn whose conversation it is, for a reason that is recorded."""
        reason = form.get("reason", "") if isinstance(form, dict) else ""
        target = parse_id(self.opened)
        if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
            raise Invalid(f"A reason has at most {LONGEST_REASON} characters.")
        if target is None:
            raise NotFound("There is no such conversation.")
        head = await insights.open_section_head(acting(), self._argument("section"))
        try:
            found = await insights.reveal_student(acting(), head.id, target, reason.strip())
        except Invalid as error:
            self.reason_problem = error.message.removeprefix("reason: ")
            return
        self._show(found)
        self.asking = False

    async def _open(self, section_id: UUID) -> None:
        target = parse_id(self._parameter("conversation"))
        if target is None:
            self.opened, self.lines, self.name, self.email = "", [], "", ""
            return
        self._show(await insights.open_transcript(acting(), section_id, target))

    async def _list(self, section_id: UUID, filters: insights.Filters, after: str = "") -> None:
        page = await insights.read_transcripts(acting(), section_id, filters, pseudonym=self.search, after=after)
        kept = self.items if after else []
        self.items = [*kept, *(self._item(each) for each in page.transcripts)]
        self._after, self.has_more = page.after, page.after != ""

    def _item(self, card: insights.TranscriptCard) -> TranscriptItem:
        joined = f"{self.query}&" if self.query else "?"
        return TranscriptItem(
            id=str(card.conversation_id),
            href=f"/s/{self.slug}/teach/transcripts{joined}conversation={card.conversation_id}",
            pseudonym=card.pseudonym,
            lesson=card.lesson_title,
            at=card.begun_at.isoformat(),
            questions=card.questions,
            thumbs_down=card.thumbs_down,
        )

    def _show(self, found: insights.Transcript) -> None:
        self.opened, self.pseudonym, self.title = str(found.conversation_id), found.pseudonym, found.lesson_title
        self.may_reveal, self.name, self.email = found.may_reveal, found.name, found.email
        self.until = found.revealed_until.isoformat() if found.revealed_until else ""
        self.lines = [
            LineItem(
                id=str(each.message_id),
                role=each.role,
                content=each.content,
                status=each.status,
                rating=each.rating,
                reason=each.reason,
                at=each.created_at.isoformat(),
            )
            for each in found.lines
        ]
