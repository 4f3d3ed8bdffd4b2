"""Figures of jobs for Prometheus, the same from every web process.

What waits and runs now comes from Postgres. What workers did is counted in a hash in Redis, to which each adds what it
counted every few seconds: they serve no page to be scraped themselves. If Redis loses it, the counters begin at zero
anew, as after any restart.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from backend.core.database import transaction
from backend.core.errors import Unavailable
from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings
from backend.jobs import administration_queries as administering
from backend.jobs.models import JobStatus, Lane, Priority

HASH = "stoa:job-figures"
"""Redis hash: `attempts|kind|outcome`, `ended|kind|outcome`, `seconds|kind`, and `below|kind|bucket`, to their sums."""
FLUSH = 5.0
"""Seconds between additions to it: what a worker that is killed counted since is lost."""
BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds that an attempt took."""

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_counted: Counter[str] = Counter()


def count_attempt(kind: str, outcome: str, seconds: float) -> None:
    """A worker's attempt is over; `outcome` is the job's status now."""
    place = bisect_left(BUCKETS, seconds)
    bucket = str(BUCKETS[place]) if place < len(BUCKETS) else "+Inf"
    _counted.update([f"attempts|{kind}|{outcome}", f"below|{kind}|{bucket}"])
    _counted[f"seconds|{kind}"] += seconds  # type: ignore[assignment]  # a Counter sums floats as well
    count_end(kind, outcome)


def count_end(kind: str, outcome: str) -> None:
    """A job's status is `outcome` now, which counts if it is final."""
    if JobStatus(outcome).final:
        _counted[f"ended|{kind}|{outcome}"] += 1


async def add_counted() -> None:
    """Add what this process counted to everybody's. Kept for the next time while Redis is away."""
    counted = dict(_counted)
    if not counted:
        return
    _counted.clear()
    try:
        pipe = get_redis(retries=0).pipeline(transaction=True)
        for name, amount in counted.items():
            pipe.hincrbyfloat(HASH, name, amount)
        await pipe.execute()
    except (RedisError, Unavailable):
        _counted.update(counted)


async def exposition() -> bytes:
    """The figures in Prometheus' text format; without those whose service is away."""
    registry = CollectorRegistry()
    registry.register(_Collected([*await _present(), *await _past()]))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Family]:
        return iter(self._families)


async def _present() -> list[Family]:
    with suppress(Unavailable):
        async with transaction() as session:
            active = await administering.active(session)
            dead = await administering.dead_letters(session)
            workers = await administering.workers(session, 3 * get_settings().job_lease)
        return _gauges(active, dead, Counter(worker.lane for worker in workers))
    return []


def _gauges(active: Sequence[Any], dead: int, workers: Mapping[str, int]) -> list[Family]:
    """Every lane and priority has its line, zero or not: alerts need no special case for what is absent."""
    found = {(row.lane, row.priority, row.status): row for row in active}
    labels = ["lane", "priority"]
    queued = GaugeMetricFamily("stoa_jobs_queued", "Jobs that wait for a worker or their time.", labels=labels)
    oldest = GaugeMetricFamily("stoa_jobs_oldest_wait_seconds", "Longest wait of a job that is due.", labels=labels)
    running = GaugeMetricFamily("stoa_jobs_running", "Jobs that a worker is doing.", labels=labels)
    for lane in Lane:
        for priority in Priority:
            waiting, busy = (found.get((lane, priority, status)) for status in (JobStatus.QUEUED, JobStatus.RUNNING))
            queued.add_metric([lane, priority], waiting.jobs if waiting else 0)
            oldest.add_metric([lane, priority], max(0.0, waiting.oldest) if waiting else 0.0)
            running.add_metric([lane, priority], busy.jobs if busy else 0)
    letters = GaugeMetricFamily("stoa_jobs_dead", "Dead letters: jobs whose attempts are used up.", value=dead)
    alive = GaugeMetricFamily("stoa_job_workers", "Workers that show life.", labels=["lane"])
    for lane in Lane:
        alive.add_metric([lane], workers.get(lane, 0))
    return [queued, oldest, running, letters, alive]


async def _past() -> list[Family]:
    try:
        sums = await cast(Awaitable[Mapping[str, str]], get_redis().hgetall(HASH))
    except (RedisError, Unavailable):
        return []
    attempts = CounterMetricFamily(
        "stoa_job_attempts", "Attempts by what became of the job.", labels=["kind", "outcome"]
    )
    ended = CounterMetricFamily("stoa_jobs_ended", "Jobs that workers ended.", labels=["kind", "outcome"])
    seconds: dict[str, float] = {}
    below: dict[str, dict[str, float]] = defaultdict(dict)
    for name, text in sums.items():
        what, kind, *rest = name.split("|")
        match what, rest:
            case "attempts", [outcome]:
                attempts.add_metric([kind, outcome], float(text))
            case "ended", [outcome]:
                ended.add_metric([kind, outcome], float(text))
            case "seconds", []:
                seconds[kind] = float(text)
            case "below", [bucket]:
                below[kind][bucket] = float(text)
    return [attempts, ended, _durations(seconds, below)]


def _durations(seconds: Mapping[str, float], below: Mapping[str, Mapping[str, float]]) -> HistogramMetricFamily:
    durations = HistogramMetricFamily("stoa_job_attempt_seconds", "Length of attempts.", labels=["kind"])
    for kind, counts in below.items():
        total, buckets = 0.0, []
        for bucket in (*map(str, BUCKETS), "+Inf"):
            total += counts.get(bucket, 0.0)
            buckets.append((bucket, total))
        durations.add_metric([kind], buckets, seconds.get(kind, 0.0))
    return durations
