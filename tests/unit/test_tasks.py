"""Tasks that go on after their cancellation."""

import asyncio

import pytest

from backend.core.tasks import go_on_after_cancellation


async def cancelled_once() -> None:
    """A task's code that caught its cancellation and goes on."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        go_on_after_cancellation()


async def test_a_time_limit_after_a_cancellation_is_a_time_limit() -> None:
    async def tidy_up() -> None:
        await cancelled_once()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.sleep(60)

    task = asyncio.create_task(tidy_up())
    await asyncio.sleep(0)
    task.cancel()
    await task


async def test_a_task_that_goes_on_is_cancelled_by_the_next_cancellation() -> None:
    async def go_on() -> None:
        await cancelled_once()
        await asyncio.sleep(60)

    task = asyncio.create_task(go_on())
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
