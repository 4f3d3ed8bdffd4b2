"""How jobs and workers are doing, in the words and figures of the administrators' page."""

from collections.abc import Collection
from typing import TypedDict

from app.state.job_words import LABELS
from backend.jobs import Count, Lane, Overview, Priority, WorkerView, title_of

PRIORITIES = {
    Priority.P0: "p0, somebody waits for it",
    Priority.P1: "p1, somebody waits meanwhile",
    Priority.P2: "p2, soon",
    Priority.P3: "p3, whenever there is room",
}


class CountItem(TypedDict):
    """The jobs of a lane and priority: how many wait and run, and how many ended within the hour, by how."""

    lane: str
    priority: str
    counts: list[int]


class LaneItem(TypedDict):
    """How a lane is doing."""

    lane: str
    oldest_wait: str
    per_minute: str
    workers: str


class WorkItem(TypedDict):
    """A job that a worker is doing."""

    id: str
    title: str


class WorkerItem(TypedDict):
    """A worker that shows life."""

    name: str
    lane: str
    places: str
    since: str
    jobs: list[WorkItem]


def count_items(counts: Collection[Count]) -> list[CountItem]:
    """A row for each lane and priority that has jobs."""
    held = {(each.lane, each.priority, each.status): each.jobs for each in counts}
    places = sorted({(each.lane, each.priority) for each in counts})
    return [
        CountItem(
            lane=lane,
            priority=PRIORITIES[Priority(priority)],
            counts=[held.get((lane, priority, status.value), 0) for status in LABELS],
        )
        for lane, priority in places
    ]


def lane_item(lane: Lane, seen: Overview) -> LaneItem:
    """How a lane is doing."""
    wait, pace = seen.oldest_wait.get(lane, 0.0), seen.per_minute.get(lane, 0.0)
    return LaneItem(
        lane=lane.value,
        oldest_wait=_lasting(wait) if wait >= 1 else "none",
        per_minute=f"{pace:.2g}" if 0 < pace < 10 else f"{pace:.0f}",
        workers=str(sum(each.lane == lane for each in seen.workers)),
    )


def worker_item(worker: WorkerView) -> WorkerItem:
    """A worker and what it does."""
    return WorkerItem(
        name=worker.name,
        lane=worker.lane,
        places=f"{len(worker.running)} of {worker.places}",
        since=worker.started_at.isoformat(),
        jobs=[
            WorkItem(id=str(job_id), title=title_of(kind))
            for job_id, kind in zip(worker.running, worker.kinds, strict=True)
        ],
    )


def _lasting(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
