"""The full-page tutor: its history list. The conversation itself is `TutorState`'s."""

from typing import Any, TypedDict

import reflex as rx

from app.state.section import SectionState
from app.state.session import Session, acting
from app.state.tutor import TutorState
from backend.core.errors import NotFound, StoaError
from backend.core.ids import parse_id
from backend.courses import open_section
from backend.dialogue import (
    ConversationCard,
    delete_conversation,
    list_conversations,
    rename_conversation,
    start_export,
)
from backend.dialogue.conversations import PAGE


class HistoryItem(TypedDict):
    """A conversation in the list."""

    id: str
    title: str
    at: str
    lesson: str
    cursor: str


class ChatState(Session):
    """The history list, searched and paged."""

    slug: str = ""
    history: list[HistoryItem] = []
    has_more: bool = False
    search: str = ""
    renaming: str = ""
    deleting: str = ""
    touched: str = ""
    """The conversation that was renamed or deleted last, or nearly: focus goes back to it."""
    loading: bool = True

    _lessons: dict[str, str] = {}

    @rx.event
    async def load(self) -> Any:
        """Fill the page: the history, and the conversation that the address names."""
        self.problem, self.renaming, self.deleting, self.touched = "", "", "", ""
        wanted = self._argument("conversation")
        conversation = parse_id(wanted)
        section = await self.get_state(SectionState)
        section._leave(self._argument("section"))
        try:
            if wanted and conversation is None:
                raise NotFound("There is no such conversation.")
            view = await open_section(acting(), self._argument("section"))
            self.slug = view.slug
            self._lessons = {str(lesson.key): lesson.title for lesson in view.lessons}
            section._show(view)
            tutor = await self.get_state(TutorState)
            await tutor._open_alone(view, conversation)
            self.search = ""
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> Any:
        """Show only conversations in which `text` occurs."""
        self.search = text[:200] if isinstance(text, str) else ""
        await self._refresh()

    @rx.event
    async def export(self) -> Any:
        """Have the person's conversations here exported, and show how far that is."""
        section = await open_section(acting(), self.slug)
        return rx.redirect(f"/jobs/{await start_export(acting(), section.id)}")

    @rx.event
    async def show_more(self) -> Any:
        """The next page of the list."""
        if self.history:
            cards = await self._page(after=self.history[-1]["cursor"])
            self.history = [*self.history, *cards]
            self.has_more = len(cards) == PAGE

    @rx.event
    async def ask_rename(self, conversation_id: str) -> None:
        """Turn a title into a field, or back with an empty id."""
        self.touched = self.renaming
        self.renaming, self.deleting = conversation_id, ""

    @rx.event
    async def rename(self, form: dict[str, Any]) -> None:
        """Give the conversation its new title."""
        target = parse_id(self.renaming)
        if target is None:
            raise NotFound("There is no such conversation.")
        title = form.get("title", "") if isinstance(form, dict) else ""
        await rename_conversation(acting(), target, str(title))
        self.touched, self.renaming = self.renaming, ""
        tutor = await self.get_state(TutorState)
        if tutor.conversation_id == self.touched:
            await tutor._reload()
        await self._refresh()

    @rx.event
    async def ask_delete(self, conversation_id: str) -> None:
        """Ask before deleting, which can't be undone; stop asking with an empty id."""
        self.touched = self.deleting
        self.deleting, self.renaming = conversation_id, ""

    @rx.event
    async def delete(self, conversation_id: str) -> Any:
        """Delete a conversation for good."""
        target = parse_id(conversation_id)
        if target is None:
            raise NotFound("There is no such conversation.")
        await delete_conversation(acting(), target)
        self.deleting = ""
        tutor = await self.get_state(TutorState)
        was_open = tutor.conversation_id == conversation_id
        await self._refresh()
        return rx.redirect(f"/s/{self.slug}/chat") if was_open else None

    @rx.event
    async def refresh(self) -> Any:
        """After something was said: the list is in another order, and a new conversation has its own address."""
        await self._refresh()
        tutor = await self.get_state(TutorState)
        if tutor.conversation_id and self._argument("conversation") != tutor.conversation_id:
            return rx.redirect(f"/s/{self.slug}/chat/{tutor.conversation_id}", replace=True)
        return None

    async def _refresh(self) -> None:
        self.history = await self._page()
        self.has_more = len(self.history) == PAGE

    async def _page(self, after: str = "") -> list[HistoryItem]:
        tutor = await self.get_state(TutorState)
        if tutor._section_id is None or tutor.disabled_reason.startswith("Administrators"):
            return []
        cards = await list_conversations(acting(), tutor._section_id, search=self.search, after=after)
        return [self._item(card) for card in cards]

    def _item(self, card: ConversationCard) -> HistoryItem:
        return HistoryItem(
            id=str(card.id),
            title=card.title,
            at=card.updated_at.isoformat(),
            lesson=self._lessons.get(str(card.lesson_key), ""),
            cursor=card.cursor,
        )
