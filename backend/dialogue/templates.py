"""The wording of a section's prompt as its instructors see and change it. Each save is a version that stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from backend.access import Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Invalid, NotFound
from backend.core.settings import get_settings
from backend.courses import SectionView, open_lesson_by_key, open_section
from backend.dialogue import queries
from backend.dialogue.models import PromptTemplate
from backend.dialogue.prompts import (
    DEFAULT_TEMPLATE,
    LESSON_PLACEHOLDER,
    PLACEHOLDERS,
    lesson_limit,
    placeholders_in,
    system_prompt,
)
from backend.genai import context_window

LONGEST_TEMPLATE = 6_000
"""Characters: a model reads them with every question."""
CHANGED = "Somebody else saved another version since you opened this one. Nothing was saved."


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One of a prompt's versions. `who` is empty when nobody by that id is there any more."""

    number: int
    at: datetime
    who: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class PromptView:
    """The template that a section's tutor uses. `number` is 0 as long as nobody saved one."""

    number: int
    text: str
    is_default: bool
    versions: tuple[PromptVersion, ...]
    """The latest first."""


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """A filled template, as the tutor is told it beside a lesson. `warning` says what it lacks, or is empty."""

    text: str
    lesson: str
    warning: str


async def read_prompt(actor: Actor, slug: str) -> PromptView:
    """The template in use, and its versions. Raises `NotFound`, and `Forbidden` for students."""
    section = await _readable(actor, slug)
    async with transaction() as session:
        return _view(await queries.prompt_versions(session, section.id))


async def read_prompt_version(actor: Actor, slug: str, number: int) -> str:
    """The text of an older version. Raises `NotFound`."""
    section = await _readable(actor, slug)
    async with transaction() as session:
        found = await queries.prompt_template(session, section.id, number)
    if found is None:
        raise NotFound("There is no such version.")
    return found.text or DEFAULT_TEMPLATE


async def save_prompt(actor: Actor, slug: str, text: str, number: int) -> PromptView:
    """Make `text` the next version after `number`, and use it; the default's own text stands for the default.

    Raises `FieldErrors` (field `text`), and `Conflict` when `number` isn't the newest any more.
    """
    section = await open_section(actor, slug)
    require(actor, Action.SECTION_CONFIGURE, section.scope)
    checked = _checked(text)
    try:
        async with transaction() as session:
            held = await queries.prompt_template(session, section.id)
            if (held.number if held else 0) != number:
                raise Conflict(CHANGED)
            wanted = None if checked == DEFAULT_TEMPLATE.strip() else checked
            if wanted != (held.text if held else None):
                row = PromptTemplate(section_id=section.id, number=number + 1, text=wanted, saved_by=actor.person_id)
                session.add(row)
                before = {"text": held.text if held else None, "version": number}
                note_change(session, actor, "prompt_template", slug, before, {"text": wanted, "version": row.number})
                await session.flush()
            return _view(await queries.prompt_versions(session, section.id))
    except IntegrityError as error:
        raise Conflict(CHANGED) from error


async def reset_prompt(actor: Actor, slug: str, number: int) -> PromptView:
    """Use the default again: a version, too."""
    return await save_prompt(actor, slug, DEFAULT_TEMPLATE, number)


async def restore_prompt(actor: Actor, slug: str, old: int, number: int) -> PromptView:
    """Use the text of version `old` again, as the next version after `number`."""
    return await save_prompt(actor, slug, await read_prompt_version(actor, slug, old), number)


async def preview_prompt(actor: Actor, slug: str, text: str, lesson_key: UUID) -> PromptPreview:
    """`text`, filled as it would be beside a lesson. Raises `FieldErrors` as `save_prompt` does."""
    section = await _readable(actor, slug)
    checked = _checked(text)
    lesson = await open_lesson_by_key(actor, section.id, lesson_key)
    limit = lesson_limit(get_settings().lesson_context_chars, await context_window(section.id))
    filled = system_prompt(
        checked,
        course=section.course_title,
        section=section.title,
        lesson=lesson.title,
        lesson_text=lesson.text,
        limit=limit,
    )
    lacking = LESSON_PLACEHOLDER not in placeholders_in(checked)
    warning = f"Without {{{LESSON_PLACEHOLDER}}} the tutor isn't told what the lesson says." if lacking else ""
    return PromptPreview(filled, lesson.title, warning)


async def _readable(actor: Actor, slug: str) -> SectionView:
    section = await open_section(actor, slug)
    require(actor, Action.SECTION_SETTINGS_READ, section.scope)
    return section


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    try:
        _refuse(text)
    except Invalid as error:
        raise FieldErrors({"text": error.message}) from None
    return text


def _refuse(text: str) -> None:
    if not text:
        raise Invalid("This can't be empty. Reset to the default to have Stoa's own words.")
    if len(text) > LONGEST_TEMPLATE:
        raise Invalid(f"At most {LONGEST_TEMPLATE:,} characters; these are {len(text):,}.")
    if unknown := [name for name in placeholders_in(text) if name not in PLACEHOLDERS]:
        said = ", ".join(f"{{{name}}}" for name in unknown[:5])
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise Invalid(
            f"Nothing fills {said}. There are {known}. Words in braces stay as they are with a space: {{ x }}."
        )


def _view(rows: Sequence[tuple[PromptTemplate, str | None]]) -> PromptView:
    newest = rows[0][0] if rows else None
    text = newest.text if newest else None
    return PromptView(
        number=newest.number if newest else 0,
        text=text or DEFAULT_TEMPLATE.strip(),
        is_default=text is None,
        versions=tuple(PromptVersion(row.number, row.created_at, who or "", row.text is None) for row, who in rows),
    )
