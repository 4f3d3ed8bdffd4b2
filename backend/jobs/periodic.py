"""Jobs that come back: in each period one of each such kind is started, whichever worker is first."""

from backend.access import SYSTEM
from backend.core.clock import now
from backend.core.database import transaction
from backend.jobs.enqueueing import enqueue
from backend.jobs.kinds import known_kinds
from backend.jobs.models import Priority

LOOK = 30.0
"""Seconds between looks at the clock."""

_seen_to: dict[str, int] = {}
"""The period for which this process last saw to each kind: the table is asked once in each."""


async def start_periodic() -> None:
    """Start the jobs whose period began. The period is their idempotency key, so that many workers start one."""
    for kind in known_kinds().values():
        if kind.every is None:
            continue
        period = int(now().timestamp() // kind.every)
        if _seen_to.get(kind.name) == period:
            continue
        async with transaction() as session:
            await enqueue(session, SYSTEM, kind.name, {}, priority=Priority.P3, idempotency_key=f"period {period}")
        _seen_to[kind.name] = period


def forget_periods() -> None:
    """Look at the table again, as another process would."""
    _seen_to.clear()
