"""What every tab of a section's dashboard holds: the section, and which days and lesson are looked at."""

from typing import Any, TypedDict
from urllib.parse import urlencode
from uuid import UUID

from app.state.section import SectionState
from app.state.session import Session, acting
from backend import insights
from backend.core.errors import Invalid, StoaError, Unavailable
from backend.courses import open_section
from backend.genai import Figures


class LessonOption(TypedDict):
    """A lesson to look at alone."""

    key: str
    title: str


class SeriesItem(TypedDict):
    """A part of a chart's bars."""

    key: str
    name: str


class DayItem(TypedDict):
    """A day's bar: a value for each series."""

    day: str
    values: list[float]
    unpriced: int


class TeachState(Session):
    """The section and the filters, which stand in the page's address. Each tab's state derives from this one."""

    slug: str = ""
    students: int = 0
    zone: str = ""
    today: str = ""
    first: str = ""
    last: str = ""
    lesson: str = ""
    """A lesson's key; empty for all of them."""
    lesson_title: str = ""
    lessons: list[LessonOption] = []
    query: str = ""
    """What keeps the filters in a link to another tab: empty, or with its question mark."""
    may_change: bool = False
    may_read_students: bool = False
    transcripts: str = insights.TranscriptSwitch.REVEALABLE.value
    failure: str = ""
    """Why a tab couldn't be filled, though its person may see it."""

    async def _enter(self) -> tuple[UUID, insights.Filters]:
        """Open the section that the address names; its id, and the filters that the address asks for."""
        actor, slug = acting(), self._argument("section")
        self.problem, self.failure = "", ""
        section = await self.get_state(SectionState)
        section._leave(slug)
        head = await insights.open_section_head(actor, slug)
        section._show(await open_section(actor, slug))
        self._show_head(head)
        return head.id, self._asked(head)

    def _asked(self, head: insights.SectionHead) -> insights.Filters:
        asked = {name: str(value) for name, value in dict(self.router.url.query_parameters).items()}
        first, last = asked.get("from", self.first)[:10], asked.get("to", self.last)[:10]
        lesson = asked.get("lesson", "")[:40]
        self.query = _query(asked)
        found = insights.filters(first, last, lesson)
        self.first, self.last, self.lesson = found.first.isoformat(), found.last.isoformat(), lesson
        self.lesson_title = dict(head.lessons).get(found.lesson, "") if found.lesson else ""
        return found

    def _show_head(self, head: insights.SectionHead) -> None:
        self.slug, self.students, self.zone = head.slug, head.students, head.timezone
        self.today = head.today.isoformat()
        self.first, self.last = head.filters.first.isoformat(), head.filters.last.isoformat()
        self.lesson, self.lesson_title = "", ""
        self.lessons = [LessonOption(key=str(key), title=title) for key, title in head.lessons]
        self.may_change, self.may_read_students = head.may_change, head.may_read_students
        self.transcripts = head.transcripts.value

    def _parameter(self, name: str) -> str:
        """A word of the page's query."""
        return str(dict(self.router.url.query_parameters).get(name, ""))[:200]

    def _failed(self, error: StoaError) -> Any:
        """What a tab does when it can't be filled: say what may be tried again, or refuse the page."""
        if isinstance(error, Unavailable | Invalid):
            self.failure = error.message
            return None
        return self._refusal(error)


def _query(asked: dict[str, str]) -> str:
    kept = {name: asked[name] for name in ("from", "to", "lesson") if asked.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def usd(figures: Figures) -> float | None:
    """What attempts cost; None when none of them has a price."""
    return None if 0 < figures.attempts == figures.unpriced else float(figures.cost_usd)
