"""Plain RQ, for `bench.jobs`: the same no-op on the same Redis. RQ refuses functions of the program's main module."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
import rq
from rq.serializers import JSONSerializer

from backend.core.settings import get_settings

LATENCIES = "bench:latencies"
PAUSE = 0.02
"""Seconds between two jobs whose latency is measured: each finds an idle worker."""


def rq_noop() -> None:
    """RQ's no-op."""


def rq_timed(asked: float) -> None:
    """Note how long it took from asking to here."""
    with connect() as client:
        client.rpush(LATENCIES, time.time() - asked)


def connect() -> redis.Redis:
    """The benchmark's Redis."""
    url = get_settings().redis_url
    assert url
    return redis.Redis.from_url(url.get_secret_value())


def _rq_work(worker_class: type[Any], burst: bool, ran: "multiprocessing.Queue[tuple[float, float]]") -> None:
    with connect() as client:
        worker = worker_class([rq.Queue("bench", connection=client)], connection=client, serializer=JSONSerializer)
        begun = time.time()
        worker.work(burst=burst, logging_level="ERROR")
        ran.put((begun, time.time()))


@contextmanager
def rq_workers(worker_class: type[Any], count: int, *, burst: bool) -> Iterator[Callable[[], float]]:
    """RQ's workers; yields what waits for their end and tells how many seconds they took together."""
    context = multiprocessing.get_context("fork")
    ran = context.Queue()
    workers = [context.Process(target=_rq_work, args=(worker_class, burst, ran)) for _ in range(count)]
    for worker in workers:
        worker.start()

    def seconds() -> float:
        times = [ran.get() for _ in workers]
        return max(end for _, end in times) - min(begin for begin, _ in times)

    try:
        yield seconds
    finally:
        for worker in workers:
            if worker.pid and not burst:
                os.kill(worker.pid, signal.SIGKILL)
            worker.join()


def rq_throughput(worker_class: type[Any], count: int, jobs: int) -> float:
    """RQ's jobs per second from a full queue."""
    with connect() as client:
        client.flushall()
        queue = rq.Queue("bench", connection=client, serializer=JSONSerializer)
        for _ in range(jobs):
            queue.enqueue(rq_noop)
        with rq_workers(worker_class, count, burst=True) as seconds:
            return jobs / seconds()


def rq_latency(jobs: int) -> list[float]:
    """RQ's milliseconds from asking to the start of the function."""
    with connect() as client, rq_workers(rq.SimpleWorker, 1, burst=False):
        client.flushall()
        queue = rq.Queue("bench", connection=client, serializer=JSONSerializer)
        time.sleep(2)
        for _ in range(jobs):
            queue.enqueue(rq_timed, time.time())
            time.sleep(PAUSE)
        while client.llen(LATENCIES) < jobs:
            time.sleep(0.05)
        return [float(value) * 1000 for value in client.lrange(LATENCIES, 0, -1)]
