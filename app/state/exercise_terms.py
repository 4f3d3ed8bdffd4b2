"""What instructors decide about a section's exercises: when each is due, what lateness costs, how many attempts."""

from typing import Any, TypedDict
from uuid import UUID, uuid4

import reflex as rx

from app.state.exercise import ExerciseState
from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend import grading
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.core.ids import parse_id
from backend.courses import LessonView
from backend.grading import ExerciseSettingsView

FIELDS = ("due_at", "late_rule", "late_percent", "max_attempts", "results_published")


class TermsItem(TypedDict):
    """A form about one exercise, which `values` names as `key`."""

    values: dict[str, str]
    timezone: str
    errors: dict[str, str]
    saving: bool
    stored: str


class ExerciseTermsState(Session):
    """The forms of the lesson's exercises, by the exercise's key; empty for those who don't decide."""

    forms: dict[str, TermsItem] = {}

    _section_id: UUID | None = None

    @rx.event
    async def save(self, values: dict[str, Any]) -> Any:
        """Store one exercise's terms."""
        texts = texts_of(values, (*FIELDS, "key", "version"))
        section_id, key = self._place(texts.get("key", ""))
        self._change(key, {"saving": True})
        yield
        errors: dict[str, str] = {}
        try:
            await self._store(section_id, key, texts)
        except (FieldErrors, Conflict) as error:
            errors = errors_of(error)
        finally:
            self._change(key, {"saving": False, "errors": errors})

    @rx.event
    async def reload(self) -> None:
        """Drop what was typed, and show the newest."""
        for key in list(self.forms):
            await self._read(UUID(key))

    async def _open(self, lesson: LessonView) -> None:
        """Show the forms of a lesson's exercises to those who decide about them."""
        keys = [block.key for block in lesson.blocks if block.kind == "exercise"]
        decides = lesson.section.role == "instructor"
        if self._section_id != lesson.section.id or set(self.forms) != {str(key) for key in keys if decides}:
            self.forms = {}
        self._section_id = lesson.section.id
        for key in keys if decides and not self.forms else ():
            await self._read(key)

    async def _store(self, section_id: UUID, key: str, texts: dict[str, str]) -> None:
        form = {name: texts[name] for name in FIELDS if name in texts}
        version = int(texts["version"]) if texts.get("version", "").isdecimal() else 0
        await grading.change_settings(acting(), section_id, UUID(key), form, version)
        await self._read(UUID(key))
        exercises = await self.get_state(ExerciseState)
        await exercises._refresh(key)
        self._tell("Saved.")

    async def _read(self, key: UUID) -> None:
        if self._section_id is not None:
            view = await grading.read_settings(acting(), self._section_id, key)
            self.forms = {**self.forms, str(key): _item(key, view)}

    def _change(self, key: str, facts: dict[str, Any]) -> None:
        changed: Any = {**self.forms[key], **facts}
        self.forms = {**self.forms, key: changed}

    def _place(self, key: str) -> tuple[UUID, str]:
        """The section and the exercise meant. Raises `NotFound` for one without a form here."""
        if self._section_id is None or parse_id(key) is None or key not in self.forms:
            raise NotFound("There is no such exercise here. Please load the page again.")
        return self._section_id, key


def _item(key: UUID, view: ExerciseSettingsView) -> TermsItem:
    values = {
        "key": str(key),
        "version": str(view.version),
        "due_at": view.due_at,
        "late_rule": view.late_rule,
        "late_percent": f"{view.late_percent:g}",
        "max_attempts": "" if view.max_attempts is None else str(view.max_attempts),
        "results_published": "true" if view.results_published else "false",
    }
    return TermsItem(values=values, timezone=view.timezone, errors={}, saving=False, stored=uuid4().hex)
