"""Running code nobody trusts, in containers of a Docker engine; only workers of the cpu lane do.

async with get_sandbox().box(owner=f"submission:{id}", limits=limits) as box:
    outcome = await box.run(Command(("python3", "main.py"), files={"main.py": source}))
    box.verdict = verdict_of(outcome) or …   # for the record
"""

from backend.sandbox.audit import RUNS_PAGE, RunLine, export_runs, read_runs
from backend.sandbox.box import Box
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.examining import sandbox_findings
from backend.sandbox.images import prepare_image
from backend.sandbox.sandbox import Sandbox
from backend.sandbox.schemas import Command, Limits, Outcome, Verdict
from backend.sandbox.serving import close_sandbox, get_sandbox
from backend.sandbox.trying import try_file
from backend.sandbox.verdicts import verdict_of

__all__ = [
    "RUNS_PAGE",
    "Box",
    "Command",
    "Limits",
    "Outcome",
    "RunLine",
    "Sandbox",
    "SandboxUnavailable",
    "Verdict",
    "close_sandbox",
    "export_runs",
    "get_sandbox",
    "prepare_image",
    "read_runs",
    "sandbox_findings",
    "try_file",
    "verdict_of",
]
