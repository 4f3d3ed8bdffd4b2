"""Coding exercises that grade themselves: reading them, running code, submitting it, and what comes of that."""

from backend.grading.deciding import change_settings, read_settings
from backend.grading.exercises import read_exercise
from backend.grading.pace import RunsTooFast
from backend.grading.results import Results
from backend.grading.runs import SANDBOX_RUN, read_run, run_code, run_program
from backend.grading.schemas import (
    ExerciseSettingsView,
    ExerciseView,
    HiddenResults,
    ResultState,
    ResultView,
    RunView,
    ShownResult,
    ShownTest,
    SubmissionView,
)
from backend.grading.submissions import GRADE, list_submissions, read_submission, submit
from backend.grading.trying import try_tests

JOB_KINDS = (SANDBOX_RUN, GRADE)
"""What `wiring` registers."""

__all__ = [
    "JOB_KINDS",
    "ExerciseSettingsView",
    "ExerciseView",
    "HiddenResults",
    "ResultState",
    "ResultView",
    "Results",
    "RunView",
    "RunsTooFast",
    "ShownResult",
    "ShownTest",
    "SubmissionView",
    "change_settings",
    "list_submissions",
    "read_exercise",
    "read_run",
    "read_settings",
    "read_submission",
    "run_code",
    "run_program",
    "submit",
    "try_tests",
]
