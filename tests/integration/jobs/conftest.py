"""The tests' kinds of jobs, and a table for their effects."""

import pytest

from tests.support.jobs import make_effects_table, register_kinds
from tests.support.school import School, found_school


@pytest.fixture(autouse=True)
async def _kinds(services: None) -> None:
    register_kinds()
    await make_effects_table()


@pytest.fixture
async def school() -> School:
    return await found_school()
