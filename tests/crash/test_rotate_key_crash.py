"""`stoa rotate-key`, killed in the middle: no stored key is lost."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import data_directory, processes_of, stoa, wait_until

KEY = "sk-planted-0123456789"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with data_directory(tmp_path) as made:
        yield made


@pytest.mark.timeout(400)
def test_a_rotation_that_was_killed_is_finished_by_the_next(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(f"models: [{{name: a, provider: openai, model: m, api_key: {KEY}}}]")
    with stoa(data_dir, "genai", "import", str(file)) as command:
        assert command.ends() == 0, command.output
    first = (data_dir / "secret_key").read_text()
    former = data_dir / "secret_key.former"
    for later in (0.0, 1.0, 2.0, 3.0):
        with stoa(data_dir, "rotate-key") as command:
            wait_until(lambda running=command.process: former.exists() or running.poll() is not None)
            time.sleep(later)
            command.end(signal.SIGKILL)
        wait_until(lambda: not processes_of(data_dir))
    with stoa(data_dir, "rotate-key") as command:
        assert command.ends() == 0, command.output
    assert not former.exists()
    assert (data_dir / "secret_key").read_text() != first
    with stoa(data_dir, "rotate-key") as command:
        assert command.ends() == 0, command.output
        assert "1 of 1 stored secrets were encrypted anew" in command.output
