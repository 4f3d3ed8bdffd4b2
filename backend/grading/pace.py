"""How often a person may have code run, so that nobody fills the lane alone."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.errors import TooMany
from backend.core.settings import get_settings
from backend.core.windows import Limiter, on_windows, seconds_until_next, window
from backend.grading import queries

MINUTE = 60
RUNS_AT_ONCE = 2
"""Of one person, waiting or running."""
SUBMISSIONS_AT_ONCE = 20
"""Of one person, waiting or being graded: each may take minutes, and while the engine is away all of them wait."""


class RunsTooFast(TooMany):
    """The person had code run as often in a minute as they may."""

    code = "runs_too_fast"


async def count_run(person_id: UUID | None) -> None:
    """Count a run or submission that is about to be stored. Raises `RunsTooFast` when it is one too many."""
    of = window("sandbox", get_settings().sandbox_runs_per_minute, MINUTE)

    async def hit(limiter: Limiter) -> float | None:
        return None if await limiter.hit(of, str(person_id)) else await seconds_until_next(limiter, of, str(person_id))

    wait = await on_windows(hit)
    if wait is not None:
        seconds = max(1, round(wait))
        raise RunsTooFast(f"That was a lot of runs in a minute. Again in {seconds} s.", retry_after=seconds)


async def refuse_many_at_once(session: AsyncSession, person_id: UUID | None, kind: str, most: int) -> None:
    """Raises `RunsTooFast` when the person now has more than `most` jobs of a kind that haven't ended."""
    if await queries.runs_under_way(session, person_id, kind) > most:
        raise RunsTooFast("The last ones haven't ended yet. Wait for one of them, or cancel it on the page of jobs.")
