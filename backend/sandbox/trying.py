"""Running one file in the sandbox from the command line, without a database and so without a record."""

from typing import Any

from backend.sandbox.sandbox import Sandbox
from backend.sandbox.schemas import Command, Limits, Outcome
from backend.sandbox.verdicts import verdict_of


async def try_file(name: str, source: bytes, stdin: bytes, limits: Limits) -> dict[str, Any]:
    """Run a Python file and describe how it went. Raises `SandboxUnavailable`."""
    sandbox = Sandbox(warm=0)
    try:
        async with sandbox.box("cli", limits) as box:
            return described(await box.run(Command(("python3", name), {name: source}, stdin)))
    finally:
        await sandbox.close()


def described(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the fields of a JSON document; what isn't text in its output is replaced."""
    verdict = verdict_of(outcome)
    return {
        "verdict": verdict,
        "sentence": verdict.sentence if verdict else "It ended well.",
        "exit": outcome.exit_code,
        "signal": outcome.signal,
        "stdout": outcome.stdout.decode(errors="replace"),
        "stderr": outcome.stderr.decode(errors="replace"),
        "wall_seconds": round(outcome.wall_seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "max_rss_kb": outcome.max_rss_kb,
    }
