"""What `stoa doctor` says of the sandbox, and which command it names."""

import pytest

from backend.core.embedded.doctor import Finding
from backend.sandbox.examining import NO_ENGINE, sandbox_findings
from tests.support.services import environment


def found(**variables: str) -> dict[str, Finding]:
    with environment(**variables):
        return {each.subject: each for each in sandbox_findings()}


def test_without_an_engine_it_says_what_waits_and_what_to_install() -> None:
    ((name, finding),) = found(DOCKER_HOST="unix:///nowhere/docker.sock").items()
    assert (name, finding.there, finding.meaning) == ("Docker engine", None, NO_ENGINE)
    assert "DOCKER_HOST" in finding.fix


@pytest.mark.usefixtures("engine")
def test_with_an_engine_every_part_has_its_row() -> None:
    findings = found()
    assert list(findings) == ["Docker engine", "Sandbox image", "AppArmor", "Sandbox runtime"]
    assert findings["Docker engine"].there
    assert findings["AppArmor"].there or "wall fewer" in findings["AppArmor"].meaning


@pytest.mark.usefixtures("engine")
def test_a_runtime_that_the_engine_doesnt_know_is_wrong() -> None:
    finding = found(STOA_SANDBOX_RUNTIME="no-such-runtime")["Sandbox runtime"]
    assert (finding.there, finding.detail) == (False, "no-such-runtime")
    assert "STOA_SANDBOX_RUNTIME" in finding.fix
