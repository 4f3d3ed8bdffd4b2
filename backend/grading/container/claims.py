"""Runs in the container as pytest's `conftest.py`: notes how each test ended, in `stoa_claims.json`.

The student's code is in this process and may write the same file: it holds claims.
"""

import json
from pathlib import Path
from typing import Any

ended: dict[str, bool] = {}


def pytest_runtest_logreport(report: Any) -> None:
    """A test passed when none of its phases failed and it wasn't skipped."""
    passed = report.passed and ended.get(report.nodeid, True)
    ended[report.nodeid] = passed


def pytest_sessionfinish() -> None:
    """Leave the claims."""
    Path("stoa_claims.json").write_text(json.dumps({"passed": sum(ended.values()), "total": len(ended)}))
