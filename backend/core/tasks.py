"""Ending asyncio tasks for certain."""

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN = 0.2
"""Seconds after which a task that still runs is cancelled again."""


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
