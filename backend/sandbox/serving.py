"""The one sandbox of a process, for handlers of jobs; its runs are recorded."""

from backend.sandbox import audit
from backend.sandbox.sandbox import Sandbox

_sandbox: Sandbox | None = None


def get_sandbox() -> Sandbox:
    """This process's sandbox, made at first use. A worker of the cpu lane starts it, others use it cold."""
    global _sandbox  # noqa: PLW0603 - one per process, as it holds containers
    if _sandbox is None:
        _sandbox = Sandbox(recorder=audit.record, hourly=audit.forget_old_runs)
    return _sandbox


async def close_sandbox() -> None:
    """Destroy its containers, if it was ever made; the next use makes another."""
    global _sandbox
    if _sandbox is not None:
        closing, _sandbox = _sandbox, None
        await closing.close()
