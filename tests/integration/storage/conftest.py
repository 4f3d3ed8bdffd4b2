"""The service under test, and requests to it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.s3 import Wire, outside
from tests.support.services import environment


@pytest.fixture(autouse=True)
def service(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The embedded storage, or the one that TEST_S3_ENDPOINT names, through the settings; yields its variables."""
    found = outside() or request.getfixturevalue("storage_server").environment
    with environment(**found):
        yield found


@pytest.fixture
def wire(service: dict[str, str]) -> Wire:
    """Requests to it."""
    return Wire.of(service)


@pytest.fixture
def key() -> str:
    """A key of this test's own."""
    return f"{uuid4().hex}/notes.txt"


@pytest.fixture
def server_pid(request: pytest.FixtureRequest) -> int | None:
    """The process of the embedded storage."""
    return None if outside() else request.getfixturevalue("storage_server").child.process.pid


@pytest.fixture
def embedded_only() -> None:
    """For what is stricter than S3 is."""
    if outside():
        pytest.skip("only the embedded storage promises this")
