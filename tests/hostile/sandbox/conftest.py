"""One box for all programs of this process, and the state of the machine after the last of them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from backend.sandbox import Box, Sandbox
from tests.support.boxes import QUICK, python
from tests.support.engine import my_containers, traces


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def box(engine: None) -> AsyncIterator[Box]:
    """The box; afterwards nothing of it is left anywhere, and the next honest run is accepted."""
    sandbox = Sandbox(warm=0)
    async with sandbox.box("test:hostile", QUICK) as made:
        yield made
    await sandbox.settled()
    used = {container.id for container in made.containers}
    assert not my_containers() & used
    assert traces(used) == []
    async with sandbox.box("test:honest", QUICK) as honest:
        assert (await honest.run(python("print(6 * 7)"))).stdout == b"42\n"
    await sandbox.close()
    assert my_containers() == set()
