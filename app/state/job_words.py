"""Jobs in plain words, the same on every page that shows them."""

from collections.abc import Container
from typing import TypedDict

from backend.core.clock import now
from backend.jobs import JobStatus, JobView, known_kinds, subject_of, title_of

LABELS = {
    JobStatus.QUEUED: "Waiting",
    JobStatus.RUNNING: "Running",
    JobStatus.SUCCEEDED: "Done",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELED: "Cancelled",
    JobStatus.DEAD: "Given up",
}
TONES = {
    JobStatus.RUNNING: "live",
    JobStatus.SUCCEEDED: "good",
    JobStatus.FAILED: "bad",
    JobStatus.DEAD: "bad",
}
ENDINGS = {
    JobStatus.SUCCEEDED: "is done",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELED: "was cancelled",
    JobStatus.DEAD: "was given up",
}


class JobItem(TypedDict):
    """A job as lists show it."""

    id: str
    kind: str
    title: str
    about: str
    status: str
    label: str
    tone: str
    percent: int
    """How much is done while it runs; -1 where that says nothing."""
    note: str
    error: str
    section: str
    at: str
    """When it was asked for."""
    ended_at: str


class Choice(TypedDict):
    """What a filter offers."""

    value: str
    label: str


STATUSES = [Choice(value=status.value, label=label) for status, label in LABELS.items()]


def chosen(value: object, choices: Container[str]) -> str:
    """What a browser sent as one of `choices`; empty when it is none of them."""
    return value if isinstance(value, str) and value in choices else ""


def kinds(*, of_people: bool = False) -> list[Choice]:
    """The kinds of jobs there are, by title; only those that `of_people` can be, or also what the system does."""
    known = [kind for kind in known_kinds().values() if kind.every is None or not of_people]
    found = [Choice(value=kind.name, label=title_of(kind.name)) for kind in known]
    return sorted(found, key=lambda each: each["label"])


def label_of(job: JobView) -> str:
    """A job's status in a word or two."""
    if job.status == JobStatus.RUNNING and job.cancel_requested:
        return "Stopping"
    if waits_again(job):
        return "Waiting to try again"
    return LABELS[JobStatus(job.status)]


def tone_of(job: JobView) -> str:
    """How a job's status looks; empty for the quiet ones."""
    return "warn" if waits_again(job) else TONES.get(JobStatus(job.status), "")


def explained(job: JobView, held_up: bool) -> str:
    """What a job's status means, in a sentence."""
    match JobStatus(job.status):
        case JobStatus.QUEUED if held_up:
            return "An administrator has paused work of this kind. It begins once that is over."
        case JobStatus.QUEUED if waits_again(job):
            return f"Something went wrong that may pass. Attempt {job.attempts + 1} of {job.max_attempts} {soon(job)}."
        case JobStatus.QUEUED:
            return "It begins as soon as there is room. You can leave this page meanwhile."
        case JobStatus.RUNNING if job.cancel_requested:
            return "It was asked to stop, and does so at its next step."
        case JobStatus.RUNNING:
            return "You can leave this page: it goes on, and you are told when it ends."
        case JobStatus.SUCCEEDED:
            return "It ended well."
        case JobStatus.FAILED:
            return "Trying again as it is would meet the same problem."
        case JobStatus.CANCELED:
            return "It was stopped. What was finished before is kept."
        case JobStatus.DEAD:
            tries = "The only attempt" if job.max_attempts == 1 else f"All {job.max_attempts} attempts"
            return f"{tries} failed. You can have it tried again."


def soon(job: JobView) -> str:
    """When a waiting job's next attempt begins."""
    seconds = (job.run_at - now()).total_seconds()
    if seconds < 5:
        return "begins at once"
    return f"begins in about {round(seconds)} s" if seconds < 90 else f"begins in about {round(seconds / 60)} min"


def waits_again(job: JobView) -> bool:
    """Whether a job failed in passing, and waits for its next attempt."""
    return job.status == JobStatus.QUEUED and job.attempts > 0


def ending_of(job: JobView) -> str:
    """`Course generation is done: Photosynthesis`, for a short message."""
    about = subject_of(job.kind, job.payload)
    said = f"{title_of(job.kind)} {ENDINGS[JobStatus(job.status)]}"
    return f"{said}: {about}" if about else f"{said}."


def job_item(job: JobView, section: str = "") -> JobItem:
    """A job as lists show it; `section` is the name of its section."""
    running = job.status == JobStatus.RUNNING
    return JobItem(
        id=str(job.id),
        kind=job.kind,
        title=title_of(job.kind),
        about=subject_of(job.kind, job.payload),
        status=job.status,
        label=label_of(job),
        tone=tone_of(job),
        percent=round(job.progress * 100) if running and job.progress > 0 else -1,
        note=job.progress_note if running else "",
        error=job.error_message,
        section=section,
        at=job.created_at.isoformat(),
        ended_at=job.finished_at.isoformat() if job.finished_at else "",
    )
