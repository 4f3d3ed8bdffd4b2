"""Ending asyncio tasks for certain, finishing work in spite of a cancellation, and going on after one."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

AGAIN = 0.2
"""Seconds after which a task that still runs is cancelled again."""


_finishing: set[asyncio.Task[Any]] = set()


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` even if the caller is cancelled meanwhile: it goes on, and the caller hears of it at once."""
    task = asyncio.create_task(work)
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)
    await asyncio.shield(task)


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, however they do.

    Once may not be enough: until Python 3.12, `asyncio.wait_for`, through which redis-py sends, swallows a
    cancellation that arrives together with the result (CPython issue 81839), and a loop would go on for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


def go_on_after_cancellation() -> None:
    """Call this where a task caught its cancellation and goes on: to itself, it is no longer being cancelled.

    Otherwise `asyncio.timeout` takes its own time limit for that cancellation and raises `CancelledError` in the
    middle of what is still to be done (all of Python 3.11 before CPython issue 102780 was solved).
    """
    task = asyncio.current_task()
    while task and task.cancelling():
        task.uncancel()
