"""Starting a generation by form."""

from collections.abc import Mapping

from pydantic import ValidationError

from backend.access import Action, Actor, require
from backend.authoring.generating import COURSE_GENERATE
from backend.authoring.schemas import CourseRequest
from backend.core.errors import FieldErrors
from backend.core.rules import sentence_of
from backend.courses import open_section
from backend.jobs import JobView, request_job


async def start_generation(actor: Actor, section_slug: str, given: Mapping[str, str], key: str) -> JobView:
    """Have a course written for a section, as the form's texts say; the same `key` starts it once.

    Raises `FieldErrors`, `NotFound`, `Forbidden` and `TooMany`.
    """
    section = await open_section(actor, section_slug)
    require(actor, Action.COURSE_GENERATE, section.scope)
    request = _parsed(given)
    return (
        await request_job(actor, COURSE_GENERATE.name, request, section_id=section.id, idempotency_key=key or None)
    ).job


def _parsed(given: Mapping[str, str]) -> CourseRequest:
    try:
        return CourseRequest.model_validate({name: given.get(name, "") for name in CourseRequest.model_fields})
    except ValidationError as error:
        raise FieldErrors({str(each["loc"][0]): sentence_of(each) for each in error.errors()}) from error
