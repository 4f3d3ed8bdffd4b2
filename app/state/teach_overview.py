"""The first tab of a section's dashboard: what happened, where, and what it cost."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import acting
from app.state.teach import DayItem, SeriesItem, TeachState, usd
from app.state.teach_recommendation import TeachRecommendationState
from backend import insights
from backend.core.errors import Invalid, StoaError

MEASURES: dict[str, tuple[str, ...]] = {
    "messages": ("Questions", "Answers"),
    "conversations": ("Conversations",),
    "active": ("Active students",),
}
"""What the chart may show, and the parts of its bars."""


class LessonItem(TypedDict):
    """A lesson's counts; `share` is of the lesson with the most questions."""

    key: str
    title: str
    questions: int
    active: int
    thumbs_down: int
    share: float


class ExerciseItem(TypedDict):
    """How an exercise goes."""

    key: str
    title: str
    lesson: str
    lesson_key: str
    tried: int
    passed: int
    attempts: int
    rate: float


class BudgetItem(TypedDict):
    """What a service config may cost a month; `budget` is None without a limit."""

    id: str
    name: str
    features: str
    here: float
    spent: float
    budget: float | None
    share: float
    state: str


class TeachOverviewState(TeachState):
    """The figures of the days that are looked at."""

    active: int = 0
    questions: int = 0
    conversations: int = 0
    failed: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    cost: float | None = 0.0
    passed: float | None = None
    """Of all who tried an exercise, the share that passed it; None before anybody tried."""
    tried: int = 0
    since: str = ""
    """When the person was here before; empty at the first visit."""
    new_questions: int = 0
    new_thumbs_down: int = 0
    new_submissions: int = 0
    new_active: int = 0
    measure: str = "messages"
    series: list[SeriesItem] = []
    days: list[DayItem] = []
    by_lesson: list[LessonItem] = []
    exercises: list[ExerciseItem] = []
    budgets: list[BudgetItem] = []
    loading: bool = True

    _days: list[insights.ActivityDay] = []

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        try:
            section_id, filters = await self._enter()
            self._show(await insights.read_overview(acting(), section_id, filters))
            await insights.note_visit(acting(), section_id)
            await (await self.get_state(TeachRecommendationState))._open(section_id)
        except StoaError as error:
            return self._failed(error)
        self.loading = False
        return None

    @rx.event
    async def choose_measure(self, measure: str) -> None:
        """Draw something else by day."""
        if not isinstance(measure, str) or measure not in MEASURES:
            raise Invalid("There is no such choice.")
        self.measure = measure
        self._draw()

    def _show(self, view: insights.Overview) -> None:
        totals, changes = view.totals, view.changes
        self.active, self.questions, self.conversations = totals.active, totals.questions, totals.conversations
        self.failed, self.thumbs_up, self.thumbs_down = totals.failed, totals.thumbs_up, totals.thumbs_down
        self.cost = usd(view.cost)
        self.since = changes.since.isoformat() if changes.since else ""
        self.new_questions, self.new_thumbs_down = changes.activity.questions, changes.activity.thumbs_down
        self.new_active, self.new_submissions = changes.activity.active, changes.submissions
        self.tried = sum(each.tried for each in view.exercises)
        self.passed = sum(each.passed for each in view.exercises) / self.tried if self.tried else None
        self.by_lesson = _lessons(view.lessons)
        self.exercises = [_exercise(each) for each in view.exercises]
        self.budgets = [budget_item(each) for each in view.budgets if each.budget_usd is not None or each.section_usd]
        self._days = list(view.days)
        self._draw()

    def _draw(self) -> None:
        names = MEASURES[self.measure]
        self.series = [SeriesItem(key=name.lower(), name=name) for name in names]
        self.days = [
            DayItem(day=each.day.isoformat(), values=_values(each.activity, self.measure), unpriced=0)
            for each in self._days
        ]
        if not any(sum(day["values"]) for day in self.days):
            self.days = []


def _values(activity: insights.Activity, measure: str) -> list[float]:
    if measure == "messages":
        return [activity.questions, activity.answers]
    return [activity.conversations if measure == "conversations" else activity.active]


def _lessons(lessons: tuple[insights.LessonActivity, ...]) -> list[LessonItem]:
    """Those that students asked most about first."""
    most = max((each.activity.questions for each in lessons), default=0) or 1
    return [
        LessonItem(
            key=str(each.key or ""),
            title=each.title,
            questions=each.activity.questions,
            active=each.activity.active,
            thumbs_down=each.activity.thumbs_down,
            share=each.activity.questions / most,
        )
        for each in sorted(lessons, key=lambda one: -one.activity.questions)
    ]


def _exercise(rate: insights.ExerciseRate) -> ExerciseItem:
    return ExerciseItem(
        key=str(rate.key),
        title=rate.title,
        lesson=rate.lesson_title,
        lesson_key=str(rate.lesson_key),
        tried=rate.tried,
        passed=rate.passed,
        attempts=rate.attempts,
        rate=rate.rate,
    )


def budget_item(budget: insights.SectionBudget) -> BudgetItem:
    """A budget as the pages show it."""
    limit = float(budget.budget_usd) if budget.budget_usd is not None else None
    return BudgetItem(
        id=str(budget.config_id),
        name=budget.config,
        features=", ".join(budget.features),
        here=float(budget.section_usd),
        spent=float(budget.spent_usd),
        budget=limit,
        share=float(budget.spent_usd) / limit if limit else 0.0,
        state=budget.state.value,
    )
