"""A section's prompt: its template, how it reads beside a lesson, and its versions."""

from collections.abc import AsyncIterator
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend.core.errors import Conflict, Invalid
from backend.core.ids import parse_id
from backend.courses import open_section
from backend.dialogue import (
    PLACEHOLDERS,
    PromptView,
    preview_prompt,
    read_prompt,
    read_prompt_version,
    reset_prompt,
    restore_prompt,
    save_prompt,
)

FIELDS = ("number", "text")


class VersionItem(TypedDict):
    """A version in the list."""

    number: int
    at: str
    who: str
    is_default: bool
    in_use: bool


class PlaceholderItem(TypedDict):
    """A placeholder, and what stands in its place."""

    name: str
    means: str


class ChoiceItem(TypedDict):
    """A lesson to preview the prompt with."""

    key: str
    title: str


class TeachPromptState(Session):
    """The prompt's form, its preview, and an old version that is looked at."""

    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""
    is_default: bool = True
    versions: list[VersionItem] = []
    placeholders: list[PlaceholderItem] = [
        PlaceholderItem(name=f"{{{name}}}", means=means) for name, means in PLACEHOLDERS.items()
    ]
    lessons: list[ChoiceItem] = []
    lesson: str = ""
    preview_text: str = ""
    preview_lesson: str = ""
    preview_warning: str = ""
    previewed: str = ""
    """A new word for each preview, so that it comes into view."""
    looked_at: int = 0
    """The number of the version that is shown; 0 for none."""
    looked_at_text: str = ""

    _typed: str = ""
    """What the preview is of."""

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the template as the next version."""
        actor, slug, texts = acting(), self._argument("section"), texts_of(values, FIELDS)
        self.saving = True
        yield
        try:
            view = await save_prompt(actor, slug, texts.get("text", ""), _number(texts.get("number", "")))
        except (Invalid, Conflict) as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self._store(view, "Saved. The tutor is told so from the next message on.")

    @rx.event
    async def reload(self) -> None:
        """Drop what was typed, and show the newest."""
        self._show(await read_prompt(acting(), self._argument("section")))
        self.errors, self.stored = {}, uuid4().hex

    @rx.event
    async def reset_to_default(self, number: str) -> None:
        """Use the default again."""
        try:
            view = await reset_prompt(acting(), self._argument("section"), _number(number))
        except (Invalid, Conflict) as error:
            self.errors = errors_of(error)
            return
        self._store(view, "The tutor is told the default again.")

    @rx.event
    async def preview(self, values: dict[str, str]) -> None:
        """Show the template as it was typed, filled beside the chosen lesson."""
        await self._preview(texts_of(values, FIELDS).get("text", ""))

    @rx.event
    async def choose_lesson(self, key: str) -> None:
        """Preview beside another lesson."""
        if key not in [each["key"] for each in self.lessons]:
            raise Invalid("There is no such lesson.")
        self.lesson = key
        if self._typed:
            await self._preview(self._typed)

    @rx.event
    async def look_at(self, number: int) -> None:
        """Show an old version."""
        self.looked_at_text = await read_prompt_version(acting(), self._argument("section"), _number(str(number)))
        self.looked_at = _number(str(number))

    @rx.event
    async def look_away(self) -> None:
        """Close it again."""
        self.looked_at, self.looked_at_text = 0, ""

    @rx.event
    async def restore(self, number: int, newest: str) -> None:
        """Use an old version again, as the next one."""
        slug = self._argument("section")
        try:
            view = await restore_prompt(acting(), slug, _number(str(number)), _number(newest))
        except (Invalid, Conflict) as error:
            self.errors, self.looked_at = errors_of(error), 0
            return
        self.looked_at = 0
        self._store(view, f"Version {_number(str(number))} is in use again.")

    async def _open(self, slug: str) -> None:
        self.errors, self.saving, self.looked_at = {}, False, 0
        view = await read_prompt(acting(), slug)
        section = await open_section(acting(), slug)
        self.lessons = [ChoiceItem(key=str(each.key), title=each.title) for each in section.lessons]
        if self.lesson not in [each["key"] for each in self.lessons]:
            self.lesson = self.lessons[0]["key"] if self.lessons else ""
            self._typed, self.preview_text = "", ""
        self._show(view)

    async def _preview(self, text: str) -> None:
        if (lesson := parse_id(self.lesson)) is None:
            raise Invalid("There is no lesson yet to fill the prompt with.")
        try:
            found = await preview_prompt(acting(), self._argument("section"), text, lesson)
        except (Invalid, Conflict) as error:
            self.errors = errors_of(error)
            return
        self._typed, self.errors = text, {}
        self.preview_text, self.preview_lesson, self.preview_warning = found.text, found.lesson, found.warning
        self.previewed = uuid4().hex

    def _store(self, view: PromptView, said: str) -> None:
        self._show(view)
        self.errors, self.stored = {}, uuid4().hex
        self._tell(said)

    def _show(self, view: PromptView) -> None:
        self.values = {"number": str(view.number), "text": view.text}
        self.is_default = view.is_default
        self.versions = [
            VersionItem(
                number=each.number,
                at=each.at.isoformat(),
                who=each.who,
                is_default=each.is_default,
                in_use=each.number == view.number,
            )
            for each in view.versions
        ]


def _number(text: object) -> int:
    """The number of a version; one that is none is nobody's."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else -1
