"""A section's settings: where its tutor answers and what it may do. Its prompt and limits have states of their own."""

import re
from collections.abc import AsyncIterator
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.section import SectionState
from app.state.session import Session, acting
from app.state.teach_limits import TeachLimitsState
from app.state.teach_privacy import TeachPrivacyState
from app.state.teach_prompt import TeachPromptState
from backend.core.errors import Conflict, Invalid, StoaError
from backend.courses import LessonChoice, SwitchesView, open_section, read_switches, save_switches
from backend.genai import Feature, serving

FLAGS = ("assistant_enabled", "run_python_enabled")
VERSION = re.compile(r"[0-9]{1,9}")


class LessonItem(TypedDict):
    """A lesson in the list: the field that chooses for it, and what holds when nothing is chosen."""

    field: str
    key: str
    title: str
    note: str
    otherwise: str


class ChainItem(TypedDict):
    """A model that may answer."""

    name: str


class TeachSettingsState(Session):
    """The switches, and what the page says around its forms."""

    slug: str = ""
    may_change: bool = False
    lessons: list[LessonItem] = []
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""
    config: str = ""
    """What serves the tutor here; empty when nothing does."""
    chain: list[ChainItem] = []
    warning: str = ""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        if self.slug != self._argument("section"):
            self.reset()  # type: ignore[no-untyped-call]
        self.errors, self.saving = {}, False
        section = await self.get_state(SectionState)
        section._leave(self._argument("section"))
        try:
            await self._open(self._argument("section"))
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the switches."""
        actor, slug = acting(), self._argument("section")
        texts = texts_of(values, ("version", *FLAGS, *(each["field"] for each in self.lessons)))
        self.saving = True
        yield
        try:
            view = await save_switches(actor, slug, texts, version_of(texts))
        except (Invalid, Conflict) as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self._show(view)
        self.errors, self.stored = {}, uuid4().hex
        self._tell("Saved. The tutor obeys from the next message on.")

    @rx.event
    async def reload(self) -> None:
        """Drop what was switched, and show the newest."""
        self._show(await read_switches(acting(), self._argument("section")))
        self.errors, self.stored = {}, uuid4().hex

    async def _open(self, slug: str) -> None:
        actor = acting()
        switches = await read_switches(actor, slug)
        served = await serving(actor, slug, Feature.STUDENT_DIALOGUE)
        section = await self.get_state(SectionState)
        section._show(await open_section(actor, slug))
        await (await self.get_state(TeachPromptState))._open(slug)
        await (await self.get_state(TeachLimitsState))._open(slug)
        await (await self.get_state(TeachPrivacyState))._open(slug)
        self.slug, self.may_change = slug, switches.may_change
        self.config = served.config if served else ""
        self.chain = [ChainItem(name=place.model.name) for place in served.chain] if served else []
        self.warning = served.warning if served else ""
        self._show(switches)

    def _show(self, view: SwitchesView) -> None:
        self.lessons = [_lesson(each) for each in view.lessons]
        flags = {name: "true" if on else "false" for name, on in view.flags.items()}
        self.values = {"version": str(view.version), **flags, **{each.field: each.chosen for each in view.lessons}}


def version_of(texts: dict[str, str]) -> int:
    """The version that the form was filled with; one that never was is nobody's."""
    text = texts.get("version", "")
    return int(text) if VERSION.fullmatch(text) else -1


def _lesson(lesson: LessonChoice) -> LessonItem:
    off = lesson.course == "off" or (lesson.course == "auto" and lesson.graded)
    return LessonItem(
        field=lesson.field,
        key=str(lesson.key),
        title=lesson.title,
        note=f"{lesson.module} · graded" if lesson.graded else lesson.module,
        otherwise=f"As the course says: {'off' if off else 'on'}",
    )
