"""What the instructors' pages show of a section: counts of what students did, and what they wrote under pseudonyms."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from backend.genai import BudgetState, Figures


@dataclass(frozen=True, slots=True)
class Filters:
    """Which days of the section's own calendar, both ends in them, and which lesson; None: whatever the lesson."""

    first: date
    last: date
    lesson: UUID | None = None


@dataclass(frozen=True, slots=True)
class SectionHead:
    """What every tab shows above itself, and what may be filtered by."""

    id: UUID
    slug: str
    title: str
    course_title: str
    timezone: str
    today: date
    """In the section's time zone."""
    students: int
    lessons: tuple[tuple[UUID, str], ...]
    """(key, title) in reading order."""
    filters: Filters
    """What was asked for; the last four weeks when nothing was."""
    may_change: bool
    """Whether the actor may change switches, reveal students and have a recommendation written."""
    may_read_students: bool
    """Whether questions, students and transcripts are for the actor too: not for administrators."""
    transcripts: "TranscriptSwitch"


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts over students. A student is active who asked something."""

    active: int = 0
    conversations: int = 0
    """Begun."""
    questions: int = 0
    answers: int = 0
    failed: int = 0
    """Answers that broke off or never came."""
    thumbs_up: int = 0
    thumbs_down: int = 0

    @property
    def messages(self) -> int:
        """Questions and answers."""
        return self.questions + self.answers


@dataclass(frozen=True, slots=True)
class ActivityDay:
    """One of the section's days; empty ones have zeros."""

    day: date
    activity: Activity


@dataclass(frozen=True, slots=True)
class LessonActivity:
    """A lesson's counts. `key` is None for talks beside no lesson; lessons nobody asked about have zeros."""

    key: UUID | None
    title: str
    activity: Activity


@dataclass(frozen=True, slots=True)
class ExerciseRate:
    """How an exercise goes. `passed` of `tried` students solved it, in `attempts` submissions altogether."""

    key: UUID
    title: str
    lesson_key: UUID
    lesson_title: str
    tried: int
    passed: int
    attempts: int

    @property
    def rate(self) -> float:
        """Passed ÷ tried, 0 to 1."""
        return self.passed / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True)
class SectionBudget:
    """A service config that serves the section: what the section and everybody spent of its month (UTC)."""

    config_id: UUID
    config: str
    features: tuple[str, ...]
    """Their names, as people say them."""
    section_usd: Decimal
    spent_usd: Decimal
    """By all sections that it serves."""
    unpriced: int
    budget_usd: Decimal | None
    state: BudgetState


@dataclass(frozen=True, slots=True)
class Changes:
    """What came since the actor's last visit; `since` is None at the first."""

    since: datetime | None
    activity: Activity
    submissions: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """The first tab."""

    section: SectionHead
    totals: Activity
    days: tuple[ActivityDay, ...]
    lessons: tuple[LessonActivity, ...]
    exercises: tuple[ExerciseRate, ...]
    cost: Figures
    """Of the period, all features."""
    budgets: tuple[SectionBudget, ...]
    changes: Changes


@dataclass(frozen=True, slots=True)
class Question:
    """A student's question and the answer that stands. `cursor` is where the next page begins after it."""

    message_id: UUID
    conversation_id: UUID
    pseudonym: str
    """Empty when the section shows no transcripts."""
    lesson_key: UUID | None
    lesson_title: str
    asked_at: datetime
    question: str
    answer: str
    answer_status: str
    rating: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """An answer that a student gave a thumbs-down."""

    message_id: UUID
    """The answer's."""
    conversation_id: UUID
    pseudonym: str
    lesson_key: UUID | None
    lesson_title: str
    answered_at: datetime
    question: str
    answer: str
    reason: str
    """The student's; may be empty."""
    resolved_at: datetime | None
    resolved_by: str
    cursor: str


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """The latest first. `after` is the next page's cursor; empty at the end."""

    section: SectionHead
    questions: tuple[Question, ...]
    total: int
    """Of all pages: what a chart's bar counts, under the same filters."""
    after: str


@dataclass(frozen=True, slots=True)
class ComplaintPage:
    """As `QuestionPage`."""

    section: SectionHead
    complaints: tuple[Complaint, ...]
    total: int
    after: str


class SignalKind(StrEnum):
    """Why a student may need somebody."""

    SILENT = "silent"
    FAILING = "failing"
    THUMBS_DOWN = "thumbs_down"


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason, as a sentence: "Hasn't asked or submitted anything for 17 days."."""

    kind: SignalKind
    reason: str


@dataclass(frozen=True, slots=True)
class StudentRow:
    """A student of the section by name, with what may need attention."""

    person_id: UUID
    name: str
    email: str
    weeks_quiet: int | None
    """Whole weeks since a question or submission; None when there was none."""
    questions: int
    """Of the last four weeks: 20 or more, 10, 5, 1 or more, or none. Not how many: see `students`."""
    submissions: int
    """Of the last four weeks."""
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class StudentList:
    """Those with signals first (most signals, then name)."""

    section: SectionHead
    students: tuple[StudentRow, ...]


class TranscriptSwitch(StrEnum):
    """What instructors may see of whole conversations."""

    REVEALABLE = "revealable"
    """Under pseudonyms; a name is revealed with a reason, on the record."""
    PSEUDONYMOUS = "pseudonymous"
    """Under pseudonyms, always."""
    OFF = "off"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class TranscriptCard:
    """A conversation in the list."""

    conversation_id: UUID
    pseudonym: str
    lesson_key: UUID | None
    lesson_title: str
    begun_at: datetime
    questions: int
    thumbs_down: int
    cursor: str


@dataclass(frozen=True, slots=True)
class TranscriptPage:
    """Conversations begun in the period, the latest first: those that the overview counts."""

    section: SectionHead
    transcripts: tuple[TranscriptCard, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a transcript."""

    message_id: UUID
    role: str
    content: str
    status: str
    rating: int
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation. `name` and `email` are empty until the actor revealed them."""

    conversation_id: UUID
    pseudonym: str
    lesson_title: str
    lines: tuple[Line, ...]
    may_reveal: bool
    name: str = ""
    email: str = ""
    revealed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CostRow:
    """One feature or model."""

    key: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class CostDay:
    """A day's figures; empty days have zeros."""

    day: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class CostReport:
    """What the section cost. The lesson filter changes nothing here: the ledger knows no lessons."""

    section: SectionHead
    totals: Figures
    days: tuple[CostDay, ...]
    features: tuple[CostRow, ...]
    models: tuple[CostRow, ...]
    budgets: tuple[SectionBudget, ...]


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the CSV: a day, feature and model where there is something."""

    day: date
    feature: str
    model: str
    figures: Figures


class RecommendationState(StrEnum):
    """What the panel shows."""

    OFF = "off"
    """The section's switch says so."""
    NOT_ENOUGH = "not_enough"
    """Too little happened to say something; no model was asked."""
    NONE = "none"
    """Nobody has asked for one yet, or the last is older than a day."""
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"
    """`problem` says why; asking again is a retry."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The section's present recommendation. `headline` and `text` are the last written one, also while another is."""

    state: RecommendationState
    id: UUID | None = None
    headline: str = ""
    text: str = ""
    written_at: datetime | None = None
    model: str = ""
    problem: str = ""
    job_id: UUID | None = None
    my_rating: int = 0
    my_comment: str = ""
    may_ask: bool = False
    """Whether the actor may have one written."""


@dataclass(frozen=True, slots=True)
class SectionSwitches:
    """The section's switches that are about its dashboard."""

    transcripts: TranscriptSwitch = TranscriptSwitch.REVEALABLE
    recommendations: bool = True
    version: int = field(default=0)
    """To send back with the change: of two who change at once, the second is told."""
