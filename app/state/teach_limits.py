"""How much each student of a section may ask, as its instructors set it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend.core.errors import Conflict, Invalid
from backend.genai import StudentLimitsView, save_student_limits, student_limits

LIMITS = ("messages_per_minute", "tokens_per_day_person")
FIELDS = ("version", *LIMITS)


class TeachLimitsState(Session):
    """The limits' form, and what administrators allow."""

    values: dict[str, str] = {}
    allowed: dict[str, str] = {}
    """In words, for blank fields."""
    together: str = ""
    """Tokens a day for the whole section; empty without a limit."""
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the limits."""
        actor, slug, texts = acting(), self._argument("section"), texts_of(values, FIELDS)
        self.saving = True
        yield
        try:
            view = await save_student_limits(actor, slug, texts, _version(texts.get("version", "")))
        except (Invalid, Conflict) as error:
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
        self._show(await student_limits(acting(), self._argument("section")))
        self.errors, self.stored = {}, uuid4().hex

    async def _open(self, slug: str) -> None:
        self.errors, self.saving = {}, False
        self._show(await student_limits(acting(), slug))

    def _show(self, view: StudentLimitsView) -> None:
        self.values = {"version": _text(view.version), **{name: _text(view.values[name]) for name in LIMITS}}
        self.allowed = {name: _text(view.allowed[name]) or "No limit" for name in LIMITS}
        self.together = _text(view.allowed["tokens_per_day_section"])


def _text(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _version(text: str) -> int | None:
    """The version that the form was filled with: None when nothing was stored; one that is none is nobody's."""
    digits = text.replace(",", "")
    return (int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1) if text else None
