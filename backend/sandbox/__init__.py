"""Running code nobody trusts, in containers of a Docker engine; only workers of the cpu lane do.

async with get_sandbox().box(owner=f"submission:{id}", limits=limits) as box:
    outcome = await box.run(Command(("python3", "main.py"), files={"main.py": source}))
    box.verdict = verdict_of(outcome) or …   # for the audit
"""

from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.schemas import Command, Limits, Outcome, Verdict
from backend.sandbox.verdicts import verdict_of

__all__ = [
    "Command",
    "Limits",
    "Outcome",
    "SandboxUnavailable",
    "Verdict",
    "verdict_of",
]
