"""Where what jobs make lies in the storage."""

from uuid import UUID

from backend.core.ids import new_id, parse_id

FOLDER = "jobs/"
"""Everything under it was made by jobs."""


def artifact_key(job_id: UUID) -> str:
    """A key of its own for each file of each attempt: a worker that was declared dead overwrites nothing."""
    return f"{FOLDER}{job_id}/{new_id()}"


def job_of_key(key: str) -> UUID | None:
    """The job that made what has this key; None for a key that `artifact_key` didn't make."""
    folder, _, rest = key.partition("/")
    job, _, own = rest.partition("/")
    return parse_id(job) if f"{folder}/" == FOLDER and parse_id(own) else None
