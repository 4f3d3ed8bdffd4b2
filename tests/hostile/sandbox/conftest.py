"""The boxes for all programs of this process, and the state of the machine after the last of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from backend.sandbox import Box, Limits, Sandbox
from tests.support.boxes import QUICK, python
from tests.support.engine import my_containers, traces

HASTY = Limits(wall_seconds=0.6, cpu_seconds=0.4)
"""For programs that use up whatever time there is."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def boxes(engine: None) -> AsyncIterator[tuple[Box, Box]]:
    """Two boxes; afterwards nothing of them is left anywhere, and the next honest run is accepted."""
    sandbox = Sandbox(warm=0)
    async with sandbox.box("test:hostile", QUICK) as one, sandbox.box("test:hostile", HASTY) as other:
        yield one, other
    await sandbox.settled()
    used = {container.id for box in (one, other) for container in box.containers}
    assert not my_containers() & used
    assert traces(used) == []
    async with sandbox.box("test:honest", QUICK) as honest:
        assert (await honest.run(python("print(6 * 7)"))).stdout == b"42\n"
    await sandbox.close()
    assert my_containers() == set()


@pytest.fixture(scope="module")
def box(boxes: tuple[Box, Box]) -> Box:
    """The box."""
    return boxes[0]


@pytest.fixture(scope="module")
def hasty(boxes: tuple[Box, Box]) -> Box:
    """The box in which time runs out sooner."""
    return boxes[1]
