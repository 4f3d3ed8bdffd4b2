"""A course that is being written, or was: its outline, and the lessons that are there."""

from typing import Any, TypedDict

import reflex as rx

from app.state.author import said_of
from app.state.job_words import label_of, tone_of
from app.state.section import SectionState
from app.state.session import Session, acting
from backend.authoring import Draft, open_draft
from backend.core.errors import NotFound, StoaError
from backend.core.ids import parse_id
from backend.jobs import JobStatus


class DraftLessonItem(TypedDict):
    """A lesson; without text while it isn't written."""

    title: str
    minutes: int
    text: str


class DraftModuleItem(TypedDict):
    """A chapter of the outline."""

    title: str
    lessons: list[DraftLessonItem]


class DraftState(Session):
    """The draft that the page is about, read anew while its job goes on."""

    subject: str = ""
    """The page's address, once it is shown."""
    title: str = ""
    summary: str = ""
    about: str = ""
    modules: list[DraftModuleItem] = []
    written: int = 0
    lessons: int = 0
    complete: bool = False
    live: bool = False
    label: str = ""
    tone: str = ""
    error: str = ""
    job: str = ""
    back: str = ""
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        section = await self.get_state(SectionState)
        section._leave(self._argument("section"))
        return await self._read()

    @rx.event
    async def beat(self) -> Any:
        """Read it anew."""
        return await self._read()

    async def _read(self) -> Any:
        slug, job_id = self._argument("section"), parse_id(self._argument("draft"))
        try:
            if job_id is None:
                raise NotFound
            view, draft = await open_draft(acting(), slug, job_id)
        except StoaError as error:
            return self._refusal(error)
        section = await self.get_state(SectionState)
        if section.slug != view.slug:
            section._show(view)
        self._show_draft(draft)
        self.back = f"/s/{slug}/teach/author"
        self.subject = f"{self.back}/{job_id}"
        self.beats += 1
        return None

    def _show_draft(self, draft: Draft) -> None:
        generation = draft.generation
        self.title = generation.title or generation.request.topic
        self.summary, self.about = draft.summary, said_of(generation)
        modules = [
            DraftModuleItem(
                title=module.title,
                lessons=[DraftLessonItem(title=x.title, minutes=x.minutes, text=x.markdown) for x in module.lessons],
            )
            for module in draft.modules
        ]
        if modules != self.modules:
            self.modules = modules
        self.written, self.lessons = draft.written, generation.request.lessons
        self.complete = draft.complete
        self.live = not JobStatus(generation.job.status).final
        self.label, self.tone = label_of(generation.job), tone_of(generation.job)
        self.error = generation.job.error_message
        self.job = f"/jobs/{generation.job.id}" if generation.job_open else ""
