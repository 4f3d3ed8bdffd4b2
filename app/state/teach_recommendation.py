"""The recommendation on the first tab: what it says, what people think of it, and having it written."""

from typing import Any
from uuid import UUID

import reflex as rx

from app.state.session import Session, acting
from backend import insights
from backend.core.errors import Invalid, NotFound

LONGEST_COMMENT = 500


class TeachRecommendationState(Session):
    """The section's present recommendation."""

    state: str = insights.RecommendationState.NONE.value
    headline: str = ""
    text: str = ""
    written_at: str = ""
    why_not: str = ""
    my_rating: int = 0
    my_comment: str = ""
    may_ask: bool = False
    beats: int = 0

    _id: UUID | None = None

    @rx.event
    async def look(self) -> None:
        """Has it been written by now?"""
        await self._open((await insights.open_section_head(acting(), self._argument("section"))).id)
        self.beats += 1

    @rx.event
    async def ask(self) -> None:
        """Have one written: the first, a new one, or again after a failure."""
        head = await insights.open_section_head(acting(), self._argument("section"))
        again = self.state in {insights.RecommendationState.READY, insights.RecommendationState.FAILED}
        self._show(await insights.ask_recommendation(acting(), head.id, again=again))

    @rx.event
    async def rate(self, rating: int) -> None:
        """Thumbs up or down; once more: neither."""
        if rating not in [1, -1]:
            raise Invalid("Thumbs go up or down.")
        await self._rate(0 if rating == self.my_rating else rating, self.my_comment)

    @rx.event
    async def comment(self, form: dict[str, Any]) -> None:
        """Say why."""
        text = form.get("comment", "") if isinstance(form, dict) else ""
        if not isinstance(text, str) or len(text) > LONGEST_COMMENT:
            raise Invalid(f"A comment has at most {LONGEST_COMMENT} characters.")
        await self._rate(self.my_rating, text.strip())
        self._tell("Thank you.")

    async def _rate(self, rating: int, comment: str) -> None:
        if self._id is None:
            raise NotFound("There is no recommendation yet.")
        await insights.rate_recommendation(acting(), self._id, rating, comment)
        self.my_rating, self.my_comment = rating, comment

    async def _open(self, section_id: UUID) -> None:
        self._show(await insights.read_recommendation(acting(), section_id))

    def _show(self, found: insights.Recommendation) -> None:
        self.state, self.headline, self.text = found.state.value, found.headline, found.text
        self.written_at = found.written_at.isoformat() if found.written_at else ""
        self.why_not = found.problem
        self.my_rating, self.my_comment, self.may_ask = found.my_rating, found.my_comment, found.may_ask
        self._id = found.id
