"""The lesson reader."""

from itertools import groupby
from typing import Any, TypedDict

import reflex as rx

from app.state.exercise import ExerciseState
from app.state.exercise_terms import ExerciseTermsState
from app.state.section import SectionState
from app.state.session import Session, acting
from app.state.tutor import TutorState
from backend.core.errors import StoaError
from backend.courses import LessonView, open_lesson


class PassageItem(TypedDict):
    """A stretch of the lesson: Markdown, or the exercise `key`."""

    key: str
    text: str


class LessonState(Session):
    """The lesson being read."""

    slug: str = ""
    title: str = ""
    module_title: str = ""
    minutes: int = 0
    graded: bool = False
    passages: list[PassageItem] = []
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
        self.minutes, self.graded, self.passages = view.minutes, view.graded, _passages(view)
        self.previous_slug = view.previous.slug if view.previous else ""
        self.previous_title = view.previous.title if view.previous else ""
        self.following_slug = view.following.slug if view.following else ""
        self.following_title = view.following.title if view.following else ""
        self.loading = False
        section._show(view.section)
        tutor = await self.get_state(TutorState)
        await tutor._open_beside(view)
        exercises = await self.get_state(ExerciseState)
        await exercises._open(view)
        terms = await self.get_state(ExerciseTermsState)
        await terms._open(view)
        return None


def _passages(lesson: LessonView) -> list[PassageItem]:
    """The lesson's blocks in order; text that isn't interrupted is one passage."""
    passages = []
    for kind, blocks in groupby(lesson.blocks, key=lambda block: block.kind):
        if kind == "exercise":
            passages += [PassageItem(key=str(block.key), text="") for block in blocks]
        else:
            passages.append(PassageItem(key="", text="\n\n".join(block.markdown for block in blocks)))
    return passages
