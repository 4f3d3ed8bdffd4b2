"""How much people may ask: the default limits, and those of sections."""

import re
from collections.abc import AsyncIterator
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend.core.errors import StoaError
from backend.core.ids import parse_id
from backend.genai import LimitsView, default_limits, list_limits, remove_limits, save_limits, section_limits

LIMITS = ("messages_per_minute", "tokens_per_day_person", "tokens_per_day_section")
FIELDS = ("section", "version", *LIMITS)
LONGEST_SEARCH = 100
VERSION = re.compile(r"[0-9]{1,9}")


class LimitsItem(TypedDict):
    """A section in the list. An empty value: as the default."""

    href: str
    title: str
    course: str
    own: bool
    messages_per_minute: str
    tokens_per_day_person: str
    tokens_per_day_section: str


class LimitsState(Session):
    """The default limits and the list of sections with their own; or one section's."""

    slug: str = ""
    """The section that the page is about; empty for the default limits."""
    title: str = ""
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    inherited: dict[str, str] = dict.fromkeys(LIMITS, "")
    """What holds where a field is left blank."""
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""
    sections: list[LimitsItem] = []
    search: str = ""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.errors = "", {}
        if self.slug != self._argument("section"):
            self.reset()  # type: ignore[no-untyped-call]
        try:
            await self._open(self._argument("section"))
        except StoaError as error:
            return self._refusal(error)
        self.loading, self.saving = False, False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """List the sections that hold `text`, with limits of their own or without."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._list()

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the form."""
        actor, texts = acting(), texts_of(values, FIELDS)
        self.saving = True
        yield
        try:
            view = await save_limits(actor, parse_id(texts.get("section", "")), texts, _version(texts))
        except StoaError as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self._show(view)
        self.errors, self.stored = {}, uuid4().hex
        self._tell("Saved. It holds from the next message on.")

    @rx.event
    async def reload(self) -> None:
        """Drop what was typed, and show the newest."""
        await self._open(self.slug)
        self.errors, self.stored = {}, uuid4().hex

    @rx.event
    async def remove(self, section_id: str, version: str) -> Any:
        """Let the default hold in a section again."""
        if (target := parse_id(section_id)) is None:
            return None
        try:
            await remove_limits(acting(), target, _version({"version": str(version)}))
        except StoaError as error:
            self.errors = errors_of(error)
            return None
        self.stored = uuid4().hex
        self._tell("Removed. The default limits hold here.")
        return rx.redirect("/admin/limits")

    async def _open(self, slug: str) -> None:
        default = await default_limits(acting())
        view = await section_limits(acting(), slug) if slug else default
        self.slug = slug
        self.title = f"{view.section.course_title}, {view.section.title}" if view.section else ""
        self.inherited = {
            name: f"{value or 'No limit'}, as the default" if slug else "No limit"
            for name, value in _texts(default).items()
        }
        self._show(view)
        if not slug:
            await self._list()

    async def _list(self) -> None:
        self.sections = [_item(view) for view in await list_limits(acting(), self.search)]

    def _show(self, view: LimitsView) -> None:
        self.values = {
            "section": str(view.section.id) if view.section else "",
            "version": _text(view.version),
            **_texts(view),
        }


def _item(view: LimitsView) -> LimitsItem:
    section, texts = view.section, _texts(view)
    return LimitsItem(
        href=f"/admin/limits/{section.slug}" if section else "",
        title=section.title if section else "",
        course=section.course_title if section else "",
        own=view.version is not None,
        messages_per_minute=texts["messages_per_minute"],
        tokens_per_day_person=texts["tokens_per_day_person"],
        tokens_per_day_section=texts["tokens_per_day_section"],
    )


def _texts(view: LimitsView) -> dict[str, str]:
    return {name: _text(view.values[name]) for name in LIMITS}


def _text(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _version(texts: dict[str, str]) -> int | None:
    """The version that the form was filled with; one that never was is nobody's."""
    text = texts.get("version", "").replace(",", "")
    return (int(text) if VERSION.fullmatch(text) else 0) if text else None
