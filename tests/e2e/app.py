"""The running app, as the tests reach behind it."""

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from tests.support.running import processes_of

PASSWORD = "stoa-demo-2026"  # of all the demo's people, in this run


@dataclass(frozen=True, slots=True)
class App:
    """Where it answers, where its data is, and where its database is."""

    url: str
    data_dir: Path
    database_url: str

    def sql(self, statement: str, *values: object) -> None:
        """Change something behind the app's back."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement, values)

    def web_process(self) -> int:
        """The process that serves the pages."""
        found = [pid for pid, command in processes_of(self.data_dir).items() if "backend.cli web" in command]
        assert len(found) == 1, found
        return found[0]

    def wait_until_healthy(self) -> None:
        """Return once `/api/health` says that everything is there."""
        while True:
            try:
                with urlopen(f"{self.url}/api/health") as answer:
                    if answer.status == 200:
                        return
            except URLError:
                pass
            time.sleep(0.1)
