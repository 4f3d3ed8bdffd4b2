"""The record of runs: written after each, read and exported by administrators, deleted after some months."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.paging import cursor_at, parse_cursor
from backend.core.settings import get_settings
from backend.sandbox import queries
from backend.sandbox.box import Ran, Run
from backend.sandbox.models import SandboxRun
from backend.sandbox.verdicts import verdict_of

RUNS_PAGE = 50
"""Runs on one page of the list."""
EXPORTED = 500
"""Runs that an export reads at once."""
LONGEST_SEARCH = 200
MOST_ARGUMENTS, LONGEST_ARGUMENT = 20, 300
MOST_COMMANDS = 200


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of the record. All text but `verdict` and `image` may be a student's."""

    id: UUID
    at: datetime
    owner: str
    person_id: UUID | None
    who: str
    """Their name; empty when nobody by that id is there any more."""
    image: str
    runtime: str
    containers: tuple[str, ...]
    limits: dict[str, Any]
    commands: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    verdict: str | None
    started_at: datetime
    ended_at: datetime
    wall_seconds: float
    cpu_seconds: float
    max_rss_kb: int

    @property
    def cursor(self) -> str:
        """Where the next page begins after this line."""
        return cursor_at(self.at, self.id)


async def record(run: Run) -> None:
    """Keep what is known of a finished run."""
    async with transaction() as session:
        session.add(row_of(run))


async def forget_old_runs() -> int:
    """Delete what is older than the settings keep; how many runs that were."""
    async with transaction() as session:
        return await queries.forget_runs(session, get_settings().sandbox_days)


async def read_runs(
    actor: Actor, *, search: str = "", verdict: str = "", since: datetime | None = None, after: str = ""
) -> list[RunLine]:
    """One page of runs from `since` on, the latest first, after the line with cursor `after`.

    `search` looks in people, owners and images, or is a person's id. Raises `Invalid` for a cursor that is none.
    """
    require(actor, Action.AUDIT_READ)
    return await _page(search, verdict, since, after, RUNS_PAGE)


def export_runs(
    actor: Actor, *, search: str = "", verdict: str = "", since: datetime | None = None
) -> AsyncIterator[str]:
    """The runs that `read_runs` finds, all of them, one JSON object a line, the latest first."""
    require(actor, Action.AUDIT_READ)
    return _exported(search, verdict, since)


async def _exported(search: str, verdict: str, since: datetime | None) -> AsyncIterator[str]:
    after = ""
    while lines := await _page(search, verdict, since, after, EXPORTED):
        for line in lines:
            yield json.dumps(asdict(line), default=str) + "\n"
        after = lines[-1].cursor


async def _page(search: str, verdict: str, since: datetime | None, after: str, most: int) -> list[RunLine]:
    search = search.replace("\0", "").strip()[:LONGEST_SEARCH]
    async with transaction() as session:
        rows = await queries.runs_before(session, search, verdict, since, parse_cursor(after), most)
    return [_line(row, name) for row, name in rows]


def _line(row: SandboxRun, name: str | None) -> RunLine:
    return RunLine(
        id=row.id,
        at=row.created_at,
        owner=row.owner,
        person_id=row.person_id,
        who=name or "",
        image=row.image,
        runtime=row.runtime,
        containers=tuple(row.containers),
        limits=row.limits,
        commands=tuple(row.commands),
        events=tuple(row.events),
        verdict=row.verdict,
        started_at=row.started_at,
        ended_at=row.ended_at,
        wall_seconds=row.wall_seconds,
        cpu_seconds=row.cpu_seconds,
        max_rss_kb=row.max_rss_kb,
    )


def row_of(run: Run) -> SandboxRun:
    """A run as it is stored: nothing of what a program read or wrote, and no list without an end."""
    outcomes = [ran.outcome for ran in run.commands if ran.outcome]
    return SandboxRun(
        owner=storable(run.owner)[:120],
        person_id=run.person_id,
        image=run.image,
        runtime=get_settings().sandbox_runtime or "",
        containers=list(run.containers),
        limits=asdict(run.limits),
        commands=[_command(ran) for ran in run.commands[:MOST_COMMANDS]],
        events=run.events,
        verdict=run.verdict,
        started_at=run.began,
        ended_at=run.ended or run.began,
        wall_seconds=sum(outcome.wall_seconds for outcome in outcomes),
        cpu_seconds=sum(outcome.cpu_seconds for outcome in outcomes),
        max_rss_kb=max((outcome.max_rss_kb for outcome in outcomes), default=0),
    )


def _command(ran: Ran) -> dict[str, Any]:
    outcome = ran.outcome
    described: dict[str, Any] = {
        "argv": [storable(each)[:LONGEST_ARGUMENT] for each in ran.command.argv[:MOST_ARGUMENTS]],
        "at": ran.at.isoformat(),
        "files": {storable(path): len(content) for path, content in ran.command.files.items()},
    }
    if outcome is None:
        return described | {"verdict": "sandbox_error"}
    return described | {
        "exit": outcome.exit_code,
        "signal": outcome.signal,
        "verdict": verdict_of(outcome),
        "wall_seconds": round(outcome.wall_seconds, 4),
        "cpu_seconds": round(outcome.cpu_seconds, 4),
        "max_rss_kb": outcome.max_rss_kb,
        "stdout_bytes": len(outcome.stdout),
        "stderr_bytes": len(outcome.stderr),
        "collected": {storable(path): len(content) for path, content in outcome.files.items()},
        "executed": [storable(path) for path in outcome.executed],
        "opened": [storable(path) for path in outcome.opened],
    }


def storable(words: str) -> str:
    """`words` without what no column can hold: NUL and half characters."""
    return words.replace("\0", "").encode("utf-8", "backslashreplace").decode()
