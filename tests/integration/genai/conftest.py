"""A database, a Valkey and replay servers for each test of routing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.genai import Servers, nothing_remembered


@pytest.fixture(autouse=True)
async def _own_services(services: None) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    """Replay servers, and models of them in a chain."""
    async with AsyncExitStack() as stack:
        yield Servers(stack)
