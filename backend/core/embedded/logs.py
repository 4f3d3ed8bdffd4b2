"""Log files of the children: one run each, and the run before."""

from pathlib import Path


def keep_previous(log: Path) -> None:
    """Make room for a new run's log; the last run's stays beside it as `<name>.1`."""
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
