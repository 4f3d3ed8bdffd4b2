"""A section's contents: on its own page, and beside a lesson."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend.core.errors import StoaError
from backend.courses import SectionView, open_section


class LessonItem(TypedDict):
    """A lesson in the contents."""

    slug: str
    title: str
    minutes: int
    graded: bool


class ModuleItem(TypedDict):
    """A chapter in the contents."""

    title: str
    lessons: list[LessonItem]


class SectionState(Session):
    """The section that the page is about."""

    slug: str = ""
    title: str = ""
    course: str = ""
    summary: str = ""
    role: str = ""
    modules: list[ModuleItem] = []
    first_lesson: str = ""
    tutor_on: bool = False
    teaches: bool = False
    """Whether the section's teaching pages are for this person."""
    loading: bool = True

    def _show(self, view: SectionView) -> None:
        self.slug, self.title, self.course = view.slug, view.title, view.course_title
        self.summary, self.role = view.summary, view.role
        self.modules = [
            ModuleItem(
                title=module.title,
                lessons=[
                    LessonItem(slug=x.slug, title=x.title, minutes=x.minutes, graded=x.graded) for x in module.lessons
                ],
            )
            for module in view.modules
        ]
        self.first_lesson = view.lessons[0].slug if view.lessons else ""
        self.tutor_on = view.assistant_enabled and view.role != "administrator"
        self.teaches = view.role != "student"
        self.loading = False

    def _leave(self, slug: str) -> None:
        """Forget the section shown before, unless it is the one with this slug."""
        if self.slug != slug:
            self.reset()  # type: ignore[no-untyped-call]

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        self._leave(self._argument("section"))
        try:
            self._show(await open_section(acting(), self._argument("section")))
        except StoaError as error:
            return self._refusal(error)
        return None
