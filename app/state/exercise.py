"""The coding exercises of a lesson: running code, handing it in, and what came of it."""

from typing import Any, TypedDict
from uuid import UUID, uuid4

import reflex as rx

from app.state.exercise_items import (
    RUN,
    SUBMIT,
    ExerciseItem,
    OutcomeItem,
    WorkItem,
    exercise_item,
    run_outcome,
    submission_outcome,
)
from app.state.session import Session, acting, to_sign_in
from backend import grading
from backend.core.errors import Invalid, NotFound, NotSignedIn, StoaError
from backend.core.ids import parse_id
from backend.courses import LessonView
from backend.grading import ResultState

LONGEST_CODE = 200_000
"""Characters of code looked at; what is longer is refused by its length alone."""


class FailureItem(TypedDict):
    """Why the last event about the exercise `key` did nothing; `nonce` is new each time."""

    nonce: str
    key: str
    message: str


class ExerciseState(Session):
    """The lesson's exercises, by key."""

    items: dict[str, ExerciseItem] = {}
    failure: FailureItem | None = None

    _section_id: UUID | None = None

    @rx.event
    async def run_code(self, key: str, code: str) -> Any:
        """Run the tests that may be seen; a teacher's run shows every test."""
        try:
            section_id, block_key = self._place(key)
            run = await grading.run_code(acting(), section_id, block_key, _code(code), uuid4().hex)
            self._follow(key, RUN, run.job_id)
        except StoaError as error:
            return self._fail(key, error)
        return None

    @rx.event
    async def submit_code(self, key: str, code: str) -> Any:
        """Hand the code in: one attempt."""
        try:
            section_id, block_key = self._place(key)
            submission = await grading.submit(acting(), section_id, block_key, _code(code), uuid4().hex)
            self._follow(key, SUBMIT, submission.job_id)
        except StoaError as error:
            return self._fail(key, error)
        return None

    @rx.event
    async def job_ended(self, key: str, job_id: str) -> Any:
        """The job that was followed has ended: read what came of it."""
        item = self.items.get(key) if isinstance(key, str) else None
        work = item["work"] if item else None
        if work is None or work["job_id"] != job_id:
            return None
        try:
            if work["purpose"] == RUN:
                run = await grading.read_run(acting(), _id(job_id))
                await self._show(key, run_outcome(run.result))
            else:
                await self._show(key, None)
        except StoaError as error:
            self._change(key, {"work": None})
            return self._fail(key, error)
        return None

    @rx.event
    async def show_attempt(self, key: str, submission_id: str) -> Any:
        """Show an earlier attempt: its code and how it went."""
        try:
            self._place(key)
            submission = await grading.read_submission(acting(), _id(submission_id))
            self._change(key, {"outcome": submission_outcome(submission)})
        except StoaError as error:
            return self._fail(key, error)
        return None

    async def _open(self, lesson: LessonView) -> None:
        """Show a lesson's exercises; what a tab shows of them stays when the same lesson is loaded again."""
        keys = [block.key for block in lesson.blocks if block.kind == "exercise"]
        if self._section_id != lesson.section.id or set(self.items) != {str(key) for key in keys}:
            self.items, self.failure = {}, None
        self._section_id = lesson.section.id
        for key in keys:
            held = self.items.get(str(key))
            await self._read(key, held["outcome"] if held else None, held["work"] if held else None)

    async def _refresh(self, key: str) -> None:
        """Say anew what is due when, and how often: what is on show stays."""
        item = self.items.get(key)
        if item:
            await self._read(UUID(key), item["outcome"], item["work"])

    async def _show(self, key: str, outcome: OutcomeItem | None) -> None:
        """The exercise as it stands now, with `outcome`, or how the latest attempt went."""
        _, block_key = self._place(key)
        await self._read(block_key, outcome, None)

    async def _read(self, key: UUID, outcome: OutcomeItem | None, work: WorkItem | None) -> None:
        if self._section_id is None:
            return
        view = await grading.read_exercise(acting(), self._section_id, key)
        submissions = [] if view.may_try else await grading.list_submissions(acting(), self._section_id, key)
        if outcome is None and submissions and ResultState(submissions[0].result.state).final:
            outcome = submission_outcome(submissions[0])
        self.items = {**self.items, str(key): exercise_item(view, submissions, work, outcome)}

    def _follow(self, key: str, purpose: str, job_id: UUID) -> None:
        self._change(key, {"work": WorkItem(purpose=purpose, job_id=str(job_id))})

    def _change(self, key: str, facts: dict[str, Any]) -> None:
        changed: Any = {**self.items[key], **facts}
        self.items = {**self.items, key: changed}
        self.failure = None

    def _place(self, key: str) -> tuple[UUID, UUID]:
        """The section and the exercise meant. Raises `NotFound` for one that isn't on the page."""
        if self._section_id is None or not isinstance(key, str) or key not in self.items:
            raise NotFound("There is no such exercise here. Please load the page again.")
        return self._section_id, UUID(key)

    def _fail(self, key: str, error: StoaError) -> Any:
        self.failure = FailureItem(nonce=uuid4().hex, key=str(key)[:40], message=error.message)
        return to_sign_in(self.router.url.path) if isinstance(error, NotSignedIn) else None


def _code(code: object) -> str:
    if not isinstance(code, str) or len(code) > LONGEST_CODE:
        raise Invalid("That is too long for a program here.")
    return code


def _id(text: object) -> UUID:
    found = parse_id(text) if isinstance(text, str) else None
    if found is None:
        raise NotFound("There is no such attempt.")
    return found
