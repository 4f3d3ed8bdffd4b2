"""The tool `run_python`: the tutor shows what a program does, in the sandbox, through the door that everybody uses."""

import asyncio
from contextlib import suppress
from uuid import UUID

from pydantic import BaseModel, Field

from backend.access import Action, Actor, Scope, can
from backend.core.errors import StoaError
from backend.core.tasks import to_the_end
from backend.courses import open_section_by_id
from backend.dialogue.tools import DialogueTool, ToolContext
from backend.genai import Feature
from backend.grading import ResultState, ResultView, read_run, run_program
from backend.jobs import cancel_job

LOOK_EVERY = 0.1
"""Seconds between looks at the run."""
TIME_LIMIT = 20.0
"""Seconds for waiting and running: a turn doesn't hang on an engine that is away."""
GOING = {ResultState.WAITING, ResultState.RUNNING}


class Program(BaseModel):
    """What the model has run."""

    code: str = Field(max_length=20_000, description="A whole Python 3 program. Only what it prints comes back.")
    stdin: str = Field(default="", max_length=20_000, description="What it reads from standard input.")


async def run_python(context: ToolContext, arguments: Program) -> str:
    """Run a program and say what it printed and how it ended."""
    actor, key = context.actor, f"turn:{context.call}"
    run = await run_program(actor, context.section_id, arguments.code, arguments.stdin, key)
    try:
        while run.result.state in GOING:
            await asyncio.sleep(LOOK_EVERY)
            run = await read_run(actor, run.job_id)
    except asyncio.CancelledError:
        await to_the_end(_cancel(actor, run.job_id))
        raise
    return _in_words(run.result)


async def allowed(actor: Actor, section_id: UUID) -> bool:
    """Whether the section's instructors let the tutor run code, and this person may have code run there."""
    if not can(actor, Action.EXERCISE_RUN, Scope(section_id=section_id)):
        return False
    return (await open_section_by_id(actor, section_id)).run_python_enabled


def _in_words(result: ResultView) -> str:
    if result.state != ResultState.FINISHED:
        return f"It couldn't be run. {result.note}"
    return f"{result.sentence}\nIt printed:\n{result.output or '(nothing)'}"


async def _cancel(actor: Actor, job_id: UUID) -> None:
    with suppress(StoaError):  # it has just ended
        await cancel_job(actor, job_id)


RUN_PYTHON = DialogueTool(
    name="run_python",
    description=(
        "Runs a short Python program in a sandbox without network or files, and returns what it prints. Use it to check"
        " or to show what code does, not to solve the student's exercise for them."
    ),
    label="Running Python",
    arguments=Program,
    run=run_python,
    features=frozenset({Feature.STUDENT_DIALOGUE}),
    time_limit=TIME_LIMIT,
    allowed=allowed,
)
