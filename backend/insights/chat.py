"""The tools of the instructors' chat: the dashboard's figures, with the rights of whoever asks, and nobody's words."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from backend.dialogue import DialogueTool, ToolContext
from backend.genai import Feature
from backend.insights.overview import read_overview
from backend.insights.schemas import Activity, Filters, Overview
from backend.insights.sections import DEFAULT_DAYS, opened, snapshot

MOST_DAYS = 366
TIME_LIMIT = 10.0
"""Seconds."""


class Days(BaseModel):
    """Which days are asked for."""

    days: int = Field(
        default=DEFAULT_DAYS,
        ge=1,
        le=MOST_DAYS,
        description="How many days, up to and with today in the section.",
    )


async def activity(context: ToolContext, arguments: Days) -> str:
    """Totals, and what each week had."""
    overview = await _overview(context, arguments.days)
    days = overview.days
    weeks = [days[start : start + 7] for start in range(0, len(days), 7)]
    return _told(
        overview,
        {
            "students_in_section": overview.section.students,
            "totals": _counts(overview.totals),
            "by_week": [
                {"from": str(week[0].day), "to": str(week[-1].day)}
                | {"questions": sum(each.activity.questions for each in week)}
                for week in weeks
            ],
            "tutor_cost_usd": float(overview.cost.cost_usd),
        },
    )


async def questions_by_lesson(context: ToolContext, arguments: Days) -> str:
    """How much each lesson was asked about, and how the answers were found."""
    overview = await _overview(context, arguments.days)
    return _told(overview, {"lessons": [{"title": each.title} | _counts(each.activity) for each in overview.lessons]})


async def exercise_statistics(context: ToolContext, arguments: Days) -> str:
    """How each exercise went."""
    overview = await _overview(context, arguments.days)
    rows = [
        {
            "title": each.title,
            "lesson": each.lesson_title,
            "students_who_tried": each.tried,
            "students_who_passed": each.passed,
            "submissions": each.attempts,
        }
        for each in overview.exercises
    ]
    return _told(overview, {"exercises": rows})


async def _overview(context: ToolContext, days: int) -> Overview:
    async with snapshot() as session:
        today = (await opened(session, context.actor, context.section_id)).head.today
    return await read_overview(context.actor, context.section_id, Filters(today - timedelta(days=days - 1), today))


def _told(overview: Overview, figures: dict[str, Any]) -> str:
    shown = overview.section.filters
    return json.dumps({"from": str(shown.first), "to": str(shown.last)} | figures, ensure_ascii=False)


def _counts(activity: Activity) -> dict[str, int]:
    return {
        "active_students": activity.active,
        "conversations": activity.conversations,
        "questions": activity.questions,
        "answers_that_failed": activity.failed,
        "thumbs_up": activity.thumbs_up,
        "thumbs_down": activity.thumbs_down,
    }


def _tool(run: Callable[[ToolContext, Days], Awaitable[str]], label: str, description: str) -> DialogueTool:
    return DialogueTool(
        name=run.__name__,
        description=description,
        label=label,
        arguments=Days,
        run=run,
        features=frozenset({Feature.INSTRUCTOR_DASHBOARD}),
        time_limit=TIME_LIMIT,
    )


DASHBOARD_TOOLS = (
    _tool(
        activity,
        "Counting activity",
        "How active the section is: students, conversations, questions, thumbs, week by week, and the tutor's cost.",
    ),
    _tool(
        questions_by_lesson,
        "Counting questions by lesson",
        "How many questions students asked about each lesson, by how many students, and how helpful the answers were.",
    ),
    _tool(
        exercise_statistics,
        "Looking at exercises",
        "For each exercise: how many students tried it, how many passed, and in how many submissions.",
    ),
)
"""What `wiring` registers."""
