"""The instructors' chat over their section's figures: its list of talks. The talk itself is `TutorState`'s."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import acting
from app.state.teach import TeachState
from app.state.tutor import TutorState
from backend.core.errors import NotFound, StoaError
from backend.core.ids import parse_id
from backend.courses import open_section
from backend.dialogue import list_conversations
from backend.genai import Feature


class TalkItem(TypedDict):
    """An earlier talk."""

    id: str
    title: str
    at: str
    href: str


class TeachAskState(TeachState):
    """The talks of this person about this section, the latest first."""

    talks: list[TalkItem] = []
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page: the list, and the talk that the address names."""
        wanted = self._argument("conversation")
        conversation = parse_id(wanted)
        try:
            if wanted and conversation is None:
                raise NotFound("There is no such conversation.")
            await self._enter()
            section = await open_section(acting(), self.slug)
            tutor = await self.get_state(TutorState)
            await tutor._open_alone(section, conversation, Feature.INSTRUCTOR_DASHBOARD)
            await self._list()
        except StoaError as error:
            return self._failed(error)
        self.loading = False
        return None

    @rx.event
    async def refresh(self) -> Any:
        """After something was said: the list is in another order, and a new talk has its own address."""
        await self._list()
        tutor = await self.get_state(TutorState)
        if tutor.conversation_id and self._argument("conversation") != tutor.conversation_id:
            return rx.redirect(self._href(tutor.conversation_id), replace=True)
        return None

    async def _list(self) -> None:
        tutor = await self.get_state(TutorState)
        self.talks = []
        if tutor._section_id is not None and not tutor.disabled_reason:
            cards = await list_conversations(acting(), tutor._section_id, feature=Feature.INSTRUCTOR_DASHBOARD)
            self.talks = [
                TalkItem(
                    id=str(card.id), title=card.title, at=card.updated_at.isoformat(), href=self._href(str(card.id))
                )
                for card in cards
            ]

    def _href(self, conversation: str) -> str:
        return f"/s/{self.slug}/teach/ask/{conversation}"
