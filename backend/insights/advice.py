"""The job that writes a recommendation: what a model is told of a section, which is sums and lesson titles only."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action
from backend.core.clock import now
from backend.genai import (
    CompletionRequest,
    Feature,
    Prompt,
    ResponseSchema,
    SystemMessage,
    UserMessage,
    generate,
    output_limit,
)
from backend.insights import advice_queries, queries
from backend.insights.overview import days_of, lessons_of, total_of
from backend.insights.schemas import Activity
from backend.insights.sections import DEFAULT_DAYS, Opened, opened, snapshot
from backend.jobs import JobContext, Kind, Permanent

WEEK = 7
SYSTEM_PROMPT = """You advise the instructor of a course section. You get counts of the last four weeks and of the four
weeks before: no names, nothing that anybody wrote. Find the one thing that deserves attention most, and say what the
instructor could do about it this week. Use only these figures, name the figure you rest on, and don't guess at causes
as if you knew them. Answer as JSON: "headline" (one sentence, at most 100 characters) and "text" (at most 90 words,
plain sentences without Markdown)."""
UNUSABLE = "The model’s answer couldn’t be used. Try again, or ask your administrator for another model."

OVERTAKEN = "Another recommendation was asked for in the meantime."


class AdvicePayload(BaseModel):
    """Which row to fill."""

    recommendation_id: UUID


class Advice(BaseModel):
    """What a model writes, and the job's result."""

    headline: str = Field(min_length=1, max_length=160)
    text: str = Field(min_length=1, max_length=2_000)


SMALL = 2_000
"""A model that may write fewer tokens than these is told lengths, or its answer is cut before its end. Others aren't:
providers that hold to a schema strictly refuse lengths."""
HEADLINE, TEXT = 100, 500
"""Characters."""


def schema(limit: int | None) -> ResponseSchema:
    """The answer's form, for a model that may write `limit` tokens."""
    small = limit is not None and limit < SMALL
    parts = {"headline": _text(HEADLINE, small), "text": _text(TEXT, small)}
    return ResponseSchema(
        "recommendation",
        {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False},
    )


async def write_advice(context: JobContext, payload: AdvicePayload) -> Advice:
    """Ask the section's model, and store what it wrote together with the job's success."""
    section_id, actor = context.section_id, await context.actor()
    assert section_id is not None
    async with snapshot() as session:
        here = await opened(session, actor, section_id)
        figures = await figures_of(session, here)
    limit = await output_limit(Feature.INSTRUCTOR_DASHBOARD, section_id)
    completion = await generate(
        CompletionRequest(
            Feature.INSTRUCTOR_DASHBOARD,
            Prompt((SystemMessage(SYSTEM_PROMPT), UserMessage(json.dumps(figures))), response_schema=schema(limit)),
            section_id=section_id,
            person_id=context.requested_by,
            job_id=context.job_id,
        )
    )
    try:
        advice = Advice.model_validate(completion.parsed)
    except ValidationError as error:
        raise Permanent(UNUSABLE) from error
    async with context.transaction() as session:
        written = (advice.headline, advice.text, completion.model, now())
        if not await advice_queries.set_written(session, payload.recommendation_id, *written):
            raise Permanent(OVERTAKEN)
        await context.succeed(session, advice)
    return advice


async def figures_of(session: AsyncSession, here: Opened) -> dict[str, Any]:
    """What a model is told: counts, and the lessons' titles."""
    weeks = timedelta(days=DEFAULT_DAYS)
    rows = await queries.activity(session, here.counted())
    before = await queries.activity(session, here.counted(here.filters.first - weeks, here.filters.last - weeks))
    days = days_of(here, rows)
    return {
        "course": here.head.course_title,
        "students": here.head.students,
        "last four weeks": _told(total_of(rows)),
        "four weeks before": _told(total_of(before)),
        "questions by week, oldest first": [
            sum(day.activity.questions for day in days[start : start + WEEK]) for start in range(0, len(days), WEEK)
        ],
        "lessons": [{"title": each.title} | _told(each.activity) for each in lessons_of(here, rows)],
    }


def _text(most: int, bounded: bool) -> dict[str, Any]:
    return {"type": "string", **({"minLength": 1, "maxLength": most} if bounded else {})}


def _told(activity: Activity) -> dict[str, int]:
    return {
        "active students": activity.active,
        "questions": activity.questions,
        "answers that failed": activity.failed,
        "thumbs up": activity.thumbs_up,
        "thumbs down": activity.thumbs_down,
    }


RECOMMENDATION = Kind(
    "recommendation",
    AdvicePayload,
    Advice,
    write_advice,
    Action.INSIGHTS_RECOMMEND,
    max_attempts=3,
    time_limit=300.0,
    title="Recommendation for a section",
)
