"""The lesson reader."""

from typing import Any

import reflex as rx

from app.state.section import SectionState
from app.state.session import Session, acting
from app.state.tutor import TutorState
from backend.core.errors import StoaError
from backend.courses import open_lesson


class LessonState(Session):
    """The lesson being read."""

    slug: str = ""
    title: str = ""
    module_title: str = ""
    minutes: int = 0
    graded: bool = False
    text: str = ""
    previous_slug: str = ""
    previous_title: str = ""
    following_slug: str = ""
    following_title: str = ""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page, and the tutor beside it."""
        self.problem = ""
        self.loading = self.slug != self._argument("lesson")
        section = await self.get_state(SectionState)
        section._leave(self._argument("section"))
        try:
            view = await open_lesson(acting(), self._argument("section"), self._argument("lesson"))
        except StoaError as error:
            return self._refusal(error)
        self.slug, self.title, self.module_title = view.slug, view.title, view.module_title
        self.minutes, self.graded, self.text = view.minutes, view.graded, view.text
        self.previous_slug = view.previous.slug if view.previous else ""
        self.previous_title = view.previous.title if view.previous else ""
        self.following_slug = view.following.slug if view.following else ""
        self.following_title = view.following.title if view.following else ""
        self.loading = False
        section._show(view.section)
        tutor = await self.get_state(TutorState)
        await tutor._open_beside(view)
        return None
