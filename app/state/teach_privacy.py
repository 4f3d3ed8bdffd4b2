"""What a section's dashboard may show of its students."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend import insights
from backend.core.errors import Conflict, FieldErrors, Invalid

FIELDS = ("version", "transcripts", "recommendations")


class TeachPrivacyState(Session):
    """The form of the dashboard's own switches."""

    may_change: bool = False
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the switches."""
        actor, slug, texts = acting(), self._argument("section"), texts_of(values, FIELDS)
        self.saving = True
        yield
        try:
            head = await insights.open_section_head(actor, slug)
            self._show(await insights.save_switches(actor, head.id, _switches(texts)))
        except (Invalid, Conflict) as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self.errors, self.stored = {}, uuid4().hex
        self._tell("Saved.")

    @rx.event
    async def reload(self) -> None:
        """Drop what was chosen, and show the newest."""
        await self._open(self._argument("section"))
        self.stored = uuid4().hex

    async def _open(self, slug: str) -> None:
        self.errors, self.saving = {}, False
        head = await insights.open_section_head(acting(), slug)
        self.may_change = head.may_change
        self._show(await insights.read_switches(acting(), head.id))

    def _show(self, switches: insights.SectionSwitches) -> None:
        self.values = {
            "version": str(switches.version),
            "transcripts": switches.transcripts.value,
            "recommendations": "true" if switches.recommendations else "false",
        }


def _switches(texts: dict[str, str]) -> insights.SectionSwitches:
    version = texts.get("version", "")
    if texts.get("transcripts") not in list(insights.TranscriptSwitch):
        raise FieldErrors({"transcripts": "Choose one of them."})
    return insights.SectionSwitches(
        transcripts=insights.TranscriptSwitch(texts["transcripts"]),
        recommendations=texts.get("recommendations") == "true",
        version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1,
    )
