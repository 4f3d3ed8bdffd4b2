"""A school, and the kinds of jobs."""

import pytest

from backend import wiring
from tests.support.school import School, found_school


@pytest.fixture
async def school(services: None) -> School:
    wiring.register_job_kinds()
    return await found_school()
