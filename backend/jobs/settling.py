"""Writing how attempts ended: everything that is pending in one transaction, as long as Postgres takes to be there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from backend.core.database import transaction
from backend.core.errors import Unavailable
from backend.jobs import queries
from backend.jobs.models import JobStatus
from backend.jobs.queries import Outcome, Settled

log = structlog.get_logger(__name__)

BATCH = 200
"""Outcomes in one transaction."""
RETRY = 0.5
"""Seconds between tries while Postgres is away: what was worked for isn't thrown away."""
UNSTORABLE = "The result holds something that can't be stored."


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    outcome: Outcome
    settled: asyncio.Future[Settled | None]


class Settler:
    """A worker's outcomes on their way to Postgres."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def settle(self, outcome: Outcome) -> Settled | None:
        """Write an outcome; what became of the job, or None when the lease was no longer held: then nothing did."""
        waiting = _Waiting(outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await waiting.settled

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            settled = {each.id: each for each in await _write([each.outcome for each in batch])}
            for each in batch:
                if not each.settled.done():
                    each.settled.set_result(settled.get(each.outcome.id))


async def _write(outcomes: Sequence[Outcome]) -> list[Settled]:
    while True:
        try:
            async with transaction() as session:
                return await queries.settle(session, outcomes)
        except Unavailable:
            log.warning("outcomes_wait_for_postgres", jobs=len(outcomes))
            await asyncio.sleep(RETRY)
        except Exception:
            if len(outcomes) > 1:
                return [settled for each in outcomes for settled in await _write([each])]
            return await _write_unstorable(outcomes[0])


async def _write_unstorable(outcome: Outcome) -> list[Settled]:
    """A result that Postgres refuses fails its job; if even that is refused, the lease runs out."""
    log.exception("outcome_unstorable", job=str(outcome.id))
    if outcome.error_message == UNSTORABLE:
        return []
    failed = replace(outcome, status=JobStatus.FAILED, result=None, error_class="", error_message=UNSTORABLE)
    return await _write([failed])
