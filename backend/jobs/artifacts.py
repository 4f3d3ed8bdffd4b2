"""Where what jobs make lies in the storage."""

from uuid import UUID

from backend.core.ids import new_id

FOLDER = "jobs/"
"""Everything under it was made by jobs."""


def artifact_key(job_id: UUID) -> str:
    """A key of its own for each file of each attempt: a worker that was declared dead overwrites nothing."""
    return f"{FOLDER}{job_id}/{new_id()}"
