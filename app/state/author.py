"""Having courses written for a section: the form, and what became of the ones before."""

from collections.abc import AsyncIterator
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.job_words import label_of, tone_of
from app.state.section import SectionState
from app.state.session import Session, acting
from backend.authoring import LANGUAGES, Generation, list_generations, start_generation
from backend.core.errors import Conflict, Invalid, StoaError, TooMany
from backend.core.ids import parse_id
from backend.genai import Feature, model_notice
from backend.jobs import JobStatus

FIELDS = ("topic", "audience", "lessons", "language", "key")
LONGEST_KEY = 64
BLANK = {"topic": "", "audience": "", "lessons": "4", "language": "en"}
LANGUAGE_CHOICES = [(code, language.name) for code, language in LANGUAGES.items()]


class GenerationItem(TypedDict):
    """A course that was asked for. Empty addresses: nothing to open."""

    id: str
    title: str
    about: str
    label: str
    tone: str
    live: bool
    percent: int
    """How much is done."""
    note: str
    error: str
    at: str
    job: str
    draft: str


class AuthorState(Session):
    """One page of the section's generations, read anew at every beat, and the form for another one."""

    slug: str = ""
    title: str = ""
    notice: str = ""
    """What there is to know about the model."""
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""
    generations: list[GenerationItem] = []
    live: bool = False
    """Whether one of them goes on."""
    befores: list[str] = []
    """Where each page after the first begins, up to this one."""
    next_before: str = ""
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        slug = self._argument("section")
        if self.slug != slug:
            self.reset()  # type: ignore[no-untyped-call]
            self.values = _blank()
        self.problem, self.errors, self.saving, self.befores = "", {}, False, []
        section = await self.get_state(SectionState)
        section._leave(slug)
        self.slug = slug
        return await self._read()

    @rx.event
    async def beat(self) -> Any:
        """Read the list anew."""
        return await self._read()

    @rx.event
    async def show_older(self) -> Any:
        """The next page."""
        if self.next_before:
            self.befores = [*self.befores, self.next_before]
        return await self._read()

    @rx.event
    async def show_newer(self) -> Any:
        """The page before."""
        self.befores = self.befores[:-1]
        return await self._read()

    @rx.event
    async def start(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Have a course written."""
        actor, texts = acting(), texts_of(values, FIELDS)
        self.saving = True
        yield
        try:
            await start_generation(actor, self._argument("section"), texts, texts.get("key", "")[:LONGEST_KEY])
        except (Invalid, Conflict, TooMany) as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self.values, self.errors, self.stored = _blank(), {}, uuid4().hex
        self.befores = []
        self._tell("Started. You can leave this page: it goes on without you.")
        yield await self._read()

    @rx.event
    async def renew(self) -> None:
        """Begin the form afresh."""
        self.values, self.errors, self.stored = _blank(), {}, uuid4().hex

    async def _read(self) -> Any:
        before = parse_id(self.befores[-1]) if self.befores else None
        try:
            view, found, more = await list_generations(acting(), self._argument("section"), before)
            self.notice = await model_notice(view.id, Feature.COURSE_OUTLINE)
        except StoaError as error:
            return self._refusal(error)
        section = await self.get_state(SectionState)
        if section.slug != view.slug:
            section._show(view)
        items = [_item(view.slug, each) for each in found]
        if items != self.generations:
            self.generations = items
            self.live = any(each["live"] for each in items)
        self.title, self.next_before = "Author", str(more or "")
        self.beats += 1
        self.loading = False
        return None


def said_of(generation: Generation) -> str:
    """For whom, how long, in which language, and who asked."""
    request = generation.request
    lessons = "1 lesson" if request.lessons == 1 else f"{request.lessons} lessons"
    parts = (f"For {request.audience}", lessons, request.tongue.name, generation.asked_by)
    return " · ".join(part for part in parts if part)


def _item(section: str, generation: Generation) -> GenerationItem:
    job = generation.job
    return GenerationItem(
        id=str(job.id),
        title=generation.request.topic,
        about=said_of(generation),
        label=label_of(job),
        tone=tone_of(job),
        live=not JobStatus(job.status).final,
        percent=round(job.progress * 100),
        note=job.progress_note if job.status == JobStatus.RUNNING else "",
        error=job.error_message,
        at=job.created_at.isoformat(),
        job=f"/jobs/{job.id}" if generation.job_open else "",
        draft=f"/s/{section}/teach/author/{job.id}" if generation.title else "",
    )


def _blank() -> dict[str, str]:
    return {**BLANK, "key": uuid4().hex}
