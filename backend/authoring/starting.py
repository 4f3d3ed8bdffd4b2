"""Starting a generation by form."""

from collections.abc import Mapping

from pydantic import ValidationError

from backend.access import Action, Actor, require
from backend.authoring.generating import COURSE_GENERATE
from backend.authoring.schemas import CourseRequest
from backend.core.database import transaction
from backend.core.errors import FieldErrors
from backend.core.rules import sentence_of
from backend.courses import open_section
from backend.jobs import JobView, Priority, enqueue


async def start_generation(actor: Actor, section_slug: str, given: Mapping[str, str], key: str) -> JobView:
    """Have a course written for a section, as the form's texts say; the same `key` starts it once.

    Raises `FieldErrors`, `NotFound` and `Forbidden`.
    """
    section = await open_section(actor, section_slug)
    require(actor, Action.COURSE_GENERATE, section.scope)
    request = _parsed(given)
    async with transaction() as session:
        return await enqueue(
            session,
            actor,
            COURSE_GENERATE.name,
            request,
            section_id=section.id,
            priority=Priority.P1,
            idempotency_key=key or None,
        )


def _parsed(given: Mapping[str, str]) -> CourseRequest:
    try:
        return CourseRequest.model_validate({name: given.get(name, "") for name in CourseRequest.model_fields})
    except ValidationError as error:
        raise FieldErrors({str(each["loc"][0]): sentence_of(each) for each in error.errors()}) from error
