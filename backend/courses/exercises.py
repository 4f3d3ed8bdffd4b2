"""A coding exercise as its author writes it: the body of an exercise block.

It holds what students must never see: only the host that compares reads it whole, and a traceback in a log doesn't show
it.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from backend.courses.literals import parse_call, parse_value

MAX_TESTS = 50
MAX_SECONDS = 300.0
"""That all tests of an exercise together may take."""
MAX_CODE = 65_536
"""Characters of a program, a student's or a test file."""


class TestVisibility(StrEnum):
    """When students see a test's data, as in the convention of `results.json`."""

    __test__ = False

    VISIBLE = "visible"
    HIDDEN = "hidden"
    """Never."""
    AFTER_DUE_DATE = "after_due_date"
    """From the section's due date on; never without one."""
    AFTER_PUBLISHED = "after_published"
    """Once the section's instructors publish results."""


class Comparison(StrEnum):
    """How what a program printed is compared with what was expected."""

    EXACT = "exact"
    """Character by character, but for the last line's end."""
    WHITESPACE = "whitespace"
    """Word by word: spaces and line breaks count for nothing."""
    NUMERIC = "numeric"
    """Word by word, numbers within a tolerance."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Test(_Written):
    name: str = Field(min_length=1, max_length=120)
    visibility: TestVisibility = TestVisibility.VISIBLE
    points: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)


class StdioTest(_Test):
    """Standard input in, standard output compared."""

    kind: Literal["stdio"] = "stdio"
    stdin: str = Field(default="", max_length=MAX_CODE, repr=False)
    expected: str = Field(max_length=MAX_CODE, repr=False)
    comparison: Comparison = Comparison.WHITESPACE
    tolerance: float = Field(default=1e-6, ge=0, allow_inf_nan=False)
    """Of `numeric`: relative to the expected number, and absolute near zero."""


class CallTest(_Test):
    """A function is called and what it returns is compared with a value."""

    kind: Literal["call"] = "call"
    call: str = Field(repr=False)
    """As one writes it in Python: `area(3, unit="cm")`."""
    expected: str = Field(repr=False)
    """As one writes it in Python: `[1, 2.5]`, `("a", None)`, `nan`."""
    tolerance: float = Field(default=1e-9, ge=0, allow_inf_nan=False)
    """Between numbers of which one is a float: relative, and absolute near zero."""

    @field_validator("call")
    @classmethod
    def _is_a_call(cls, text: str) -> str:
        parse_call(text)
        return text

    @field_validator("expected")
    @classmethod
    def _is_a_value(cls, text: str) -> str:
        parse_value(text)
        return text


class PytestTest(_Test):
    """A pytest file. It runs in one process with the student's code, so what it says is a claim, not a fact."""

    kind: Literal["pytest"] = "pytest"
    file: str = Field(min_length=1, max_length=MAX_CODE, repr=False)
    """Its text; the student's program is the module `solution`."""


ExerciseTest = Annotated[StdioTest | CallTest | PytestTest, Field(discriminator="kind")]


class ExerciseLimits(_Written):
    """What one test may use."""

    seconds: float = Field(default=5.0, ge=0.1, le=60, allow_inf_nan=False)
    memory_mb: int = Field(default=128, ge=64, le=1024)
    output_kb: int = Field(default=64, ge=1, le=1024)


class Exercise(_Written):
    """A coding exercise. `statement` is Markdown; `solution` is the author's own and only ever tried by teachers."""

    title: str = Field(min_length=1, max_length=200)
    statement: str = Field(min_length=1, max_length=MAX_CODE)
    starter: str = Field(default="", max_length=MAX_CODE)
    solution: str = Field(default="", max_length=MAX_CODE, repr=False)
    tests: tuple[ExerciseTest, ...] = Field(min_length=1, max_length=MAX_TESTS, repr=False)
    limits: ExerciseLimits = ExerciseLimits()
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    """None: as many as one likes."""

    @model_validator(mode="after")
    def _takes_not_too_long(self) -> Self:
        if len(self.tests) * self.limits.seconds > MAX_SECONDS:
            raise ValueError(f"all tests together may take {MAX_SECONDS:g} seconds at most")
        return self

    @property
    def max_score(self) -> float:
        """The points of all tests."""
        return sum(test.points for test in self.tests)
