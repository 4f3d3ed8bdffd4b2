"""A sandbox and one box of it for the tests of a module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from backend.sandbox import Box, Sandbox
from tests.support.boxes import QUICK


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox(engine: None) -> AsyncIterator[Sandbox]:
    made = Sandbox(warm=0)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def box(sandbox: Sandbox) -> AsyncIterator[Box]:
    async with sandbox.box("test:box", QUICK) as made:
        yield made
