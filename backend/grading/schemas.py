"""Exercises, runs and submissions as pages and the REST API see them. Nothing hidden from a student is in here."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ResultState(StrEnum):
    """How far a run or a submission has come."""

    WAITING = "waiting"
    """Queued; `note` says for what where that is known. → running, failed."""
    RUNNING = "running"
    """→ finished, failed; → waiting when the sandbox went away."""
    FINISHED = "finished"
    """There is a verdict."""
    FAILED = "failed"
    """It ended without one, and costs no attempt: `note` says why."""

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in {ResultState.FINISHED, ResultState.FAILED}


@dataclass(frozen=True, slots=True)
class ShownTest:
    """A test whose data the reader may see."""

    number: int
    """From 1, hidden tests counted too."""
    name: str
    kind: str
    """`stdio`, `call` or `pytest`."""
    input: str
    """What goes in, as text: standard input, the call as one writes it in Python, or the test file."""
    expected: str
    """What should come out, as text; empty for a test file."""
    comparison: str
    """How the two are compared, in words; empty for exactly."""
    points: float


@dataclass(frozen=True, slots=True)
class ExerciseView:
    """A coding exercise as one person sees it in one section."""

    section_id: UUID
    key: UUID
    title: str
    statement: str
    """Markdown."""
    starter: str
    code: str
    """What the person submitted last; the starter before that."""
    tests: tuple[ShownTest, ...]
    hidden_tests: int
    """How many more there are. Nothing else is said about them."""
    max_score: float
    due_at: str
    """ISO 8601, UTC; empty without a due date."""
    late_rule: str
    """What happens after the due date, in words; empty without one."""
    attempts_used: int
    attempts_allowed: int | None
    """None: as many as one likes."""
    best_score: float | None
    """None before anything was graded."""
    how_graded: tuple[str, ...]
    """Sentences: where the code runs, who compares, that the best attempt counts."""
    may_submit: bool
    refusal: str
    """Why nothing can be submitted now; empty when something can. Running is possible still."""
    may_try: bool
    """The reader teaches here: runs show every test, and there is nothing to submit."""


@dataclass(frozen=True, slots=True)
class ShownResult:
    """How one test went whose data the reader may see. Everything here is untrusted text: escape it."""

    number: int
    name: str
    kind: str
    passed: bool
    verdict: str
    sentence: str
    """What the verdict means, for a student."""
    score: float
    max_score: float
    input: str
    expected: str
    actual: str
    """What came out instead, for the diff with `expected`; shortened when it is long."""
    output: str
    """Everything else the program said: what it printed beside its answer, its error."""
    seconds: float


@dataclass(frozen=True, slots=True)
class HiddenResults:
    """How the hidden tests went, and no more than that."""

    total: int = 0
    passed: int = 0

    @property
    def failed(self) -> int:
        """Those that didn't pass."""
        return self.total - self.passed


@dataclass(frozen=True, slots=True)
class ResultView:
    """What came of running code, as far as its reader may know."""

    state: str
    """A `ResultState`."""
    note: str = ""
    """What it waits for, or why it failed."""
    verdict: str = ""
    sentence: str = ""
    score: float = 0.0
    """Before any deduction for lateness."""
    max_score: float = 0.0
    output: str = ""
    """What the program said, where it ran without tests."""
    tests: tuple[ShownResult, ...] = ()
    hidden: HiddenResults = HiddenResults()


@dataclass(frozen=True, slots=True)
class RunView:
    """A run or a try-out, which is a job of kind `sandbox_run`."""

    job_id: UUID
    result: ResultView


@dataclass(frozen=True, slots=True)
class SubmissionView:
    """One attempt at an exercise."""

    id: UUID
    number: int
    at: str
    """ISO 8601, UTC."""
    days_late: int
    deduction: float
    """Per cent taken off for lateness."""
    score: float | None
    """After the deduction; None while there is no verdict."""
    max_score: float
    charged: bool
    """Whether it counts as one of the attempts."""
    best: bool
    """It is the one that counts."""
    code: str
    result: ResultView
    job_id: UUID
    """Who grades it: follow its events until there is a verdict. Jobs are forgotten after a while."""


@dataclass(frozen=True, slots=True)
class ExerciseSettingsView:
    """What instructors decide about an exercise in their section. `due_at` is local time of the section."""

    due_at: str
    """As in 2026-05-31T23:59; empty without a due date."""
    timezone: str
    late_rule: str
    """`none`, `percent_per_day` or `closed`."""
    late_percent: float
    max_attempts: int | None
    """None: as the exercise itself says."""
    results_published: bool
    """Tests that are hidden until results are published are shown."""
    version: int
    """0 when nothing was decided yet. A form sends it back."""
