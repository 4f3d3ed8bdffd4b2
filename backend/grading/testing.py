"""Running a program in the sandbox, by itself or through tests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from backend.courses.exercises import ExerciseLimits, ExerciseTest, TestVisibility
from backend.grading.commands import command_for, plain
from backend.grading.judging import judge, readable
from backend.grading.results import Results, Summary, TestResult, document, result_of, shortened
from backend.jobs import Deferred, JobContext
from backend.sandbox import Box, Limits, SandboxUnavailable, Verdict, get_sandbox, verdict_of

NumberedTests = Sequence[tuple[int, ExerciseTest]]
ENGINE_AWAY = 5.0
"""Seconds after which a job that found no engine looks again."""

SHOWN_FIRST = (
    TestVisibility.VISIBLE,
    TestVisibility.AFTER_DUE_DATE,
    TestVisibility.AFTER_PUBLISHED,
    TestVisibility.HIDDEN,
)


@asynccontextmanager
async def box_for(context: JobContext, owner: str, limits: ExerciseLimits) -> AsyncIterator[Box]:
    """A job's container. Where there is no engine the job waits, which costs it nothing: it is `Deferred`.

    An engine that fails in the middle of a run costs the job an attempt, or a program that breaks it would run for
    ever: that is raised as it is.
    """
    async with AsyncExitStack() as stack:
        try:
            opening = get_sandbox().box(owner=owner, limits=limits_for(limits), person_id=context.requested_by)
            box = await stack.enter_async_context(opening)
        except SandboxUnavailable as error:
            await context.progress(0.0, error.message)
            raise Deferred(ENGINE_AWAY) from error
        yield box


async def run_tests(box: Box, code: str, tests: NumberedTests) -> Results:
    """Put `code` through tests, one after the other: first those whose data students may see.

    The container's counters and clocks remember a little of what ran in it, so no test whose output is shown may come
    after one whose input isn't.
    """
    entries: list[TestResult] = []
    for number, test in sorted(tests, key=lambda each: SHOWN_FIRST.index(each[1].visibility)):
        outcome = await box.run(command_for(test, code))
        entries.append(result_of(number, test, judge(test, outcome), outcome))
    results = document(sorted(entries, key=lambda entry: entry.number))
    box.verdict = results.extra_data.verdict
    return results


async def run_alone(box: Box, code: str, stdin: str = "") -> Results:
    """Run `code` without tests: its output and how it ended."""
    outcome = await box.run(plain(code, stdin))
    verdict = verdict_of(outcome) or Verdict.ACCEPTED
    box.verdict = verdict
    said = readable(outcome.stdout) + readable(outcome.stderr)
    return Results(
        score=0.0,
        max_score=0.0,
        execution_time=round(outcome.wall_seconds, 3),
        output=shortened(said),
        tests=[],
        extra_data=Summary(verdict=verdict),
    )


def limits_for(limits: ExerciseLimits) -> Limits:
    """An exercise's limits as the sandbox takes them."""
    return Limits(
        wall_seconds=limits.seconds,
        cpu_seconds=limits.seconds,
        memory_mb=limits.memory_mb,
        output_bytes=limits.output_kb * 1024,
    )
