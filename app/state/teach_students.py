"""Students of a section, those first who may need somebody, with the reasons."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import acting
from app.state.teach import TeachState
from backend import insights
from backend.core.errors import Invalid, StoaError

KINDS = {
    "": "Everybody",
    insights.SignalKind.SILENT.value: "Silent",
    insights.SignalKind.FAILING.value: "Many failed attempts",
    insights.SignalKind.THUMBS_DOWN.value: "Many thumbs-down",
}
ORDERS = ("name", "weeks", "questions", "submissions", "")
NEVER = 9_999
"""Stands for the weeks of those who were never active."""


class SignalItem(TypedDict):
    """A reason to look after somebody."""

    kind: str
    reason: str


class StudentItem(TypedDict):
    """A student."""

    id: str
    name: str
    email: str
    weeks: int
    """Since they were last active."""
    questions: int
    """The least of a range."""
    submissions: int
    signals: list[SignalItem]


class TeachStudentsState(TeachState):
    """The list, searched and narrowed in the tab."""

    search: str = ""
    kind: str = ""
    sort: str = ""
    """The column that rows are sorted by; empty: those with reasons first."""
    descending: bool = False
    concerned: int = 0
    """How many students there is a reason for."""
    loading: bool = True

    _all: list[StudentItem] = []

    @rx.var
    def found(self) -> list[StudentItem]:
        """Those that were searched for, in order."""
        wanted = self.search.strip().casefold()
        rows = [
            each
            for each in self._all
            if wanted in f"{each['name']} {each['email']}".casefold()
            and (not self.kind or self.kind in [signal["kind"] for signal in each["signals"]])
        ]
        if not self.sort:
            return rows
        return sorted(rows, key=lambda each: _order(each, self.sort), reverse=self.descending)

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        try:
            section_id, _ = await self._enter()
            listed = await insights.read_students(acting(), section_id)
        except StoaError as error:
            return self._failed(error)
        self._all = [_student(each) for each in listed.students]
        self.concerned = sum(1 for each in self._all if each["signals"])
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only students with `text` in their name or address."""
        self.search = text[:200] if isinstance(text, str) else ""

    @rx.event
    async def choose_kind(self, kind: str) -> None:
        """Show only those with a reason of this kind."""
        if not isinstance(kind, str) or kind not in KINDS:
            raise Invalid("There is no such choice.")
        self.kind = kind

    @rx.event
    async def sort_by(self, column: str) -> None:
        """Sort by a column; once more: the other way round."""
        if not isinstance(column, str) or column not in ORDERS:
            raise Invalid("There is no such column.")
        self.descending = not self.descending if self.sort == column else column in {"questions", "submissions"}
        self.sort = column


def _order(student: StudentItem, column: str) -> Any:
    value = student[column]  # type: ignore[literal-required]
    return value.casefold() if isinstance(value, str) else value


def _student(row: insights.StudentRow) -> StudentItem:
    return StudentItem(
        id=str(row.person_id),
        name=row.name,
        email=row.email,
        weeks=NEVER if row.weeks_quiet is None else row.weeks_quiet,
        questions=row.questions,
        submissions=row.submissions,
        signals=[SignalItem(kind=each.kind.value, reason=each.reason) for each in row.signals],
    )
