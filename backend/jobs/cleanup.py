"""The job kind `artifact_cleanup`: what jobs made and nobody can download any more leaves the storage.

Rows go first and objects follow, so that a crash between the two leaves nothing that the next round doesn't find.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from backend import storage
from backend.access import Action
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.settings import get_settings
from backend.jobs import queries
from backend.jobs.artifacts import FOLDER, job_of_key
from backend.jobs.context import JobContext
from backend.jobs.kinds import Kind
from backend.storage import StoredObject

UNCLAIMED = timedelta(hours=1)
"""Age from which an object that no row names is left over; a younger one may get its row in a moment."""
BATCH = 500


class CleanUp(BaseModel):
    """Nothing to say."""

    model_config = ConfigDict(extra="forbid")


class CleanedUp(BaseModel):
    """How many files became too old, and how many objects were deleted: theirs, and those that attempts left over."""

    expired: int
    deleted: int


async def clean_up(context: JobContext, _payload: CleanUp) -> CleanedUp:
    """Forget files older than the setting says, then delete every object of a job that no row names."""
    async with transaction() as session:
        expired = await queries.forget_old_artifacts(session, get_settings().job_artifact_days)
    looked, deleted = 0, 0
    if get_settings().s3_endpoint is None:
        return CleanedUp(expired=expired, deleted=deleted)
    async for batch in _batches():
        deleted += await _delete_unnamed(batch)
        looked += len(batch)
        await context.progress(0, f"{looked} files looked at, {deleted} deleted")
    return CleanedUp(expired=expired, deleted=deleted)


ARTIFACT_CLEANUP = Kind(
    "artifact_cleanup", CleanUp, CleanedUp, clean_up, Action.JOBS_ADMINISTER,
    every=86_400.0, title="Clearing of old files",
)  # fmt: skip


async def _batches() -> AsyncIterator[list[StoredObject]]:
    batch: list[StoredObject] = []
    async for found in storage.list(FOLDER):
        batch.append(found)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _delete_unnamed(batch: list[StoredObject]) -> int:
    old = [found.key for found in batch if found.modified < now() - UNCLAIMED]
    jobs = {key: job_id for key in old if (job_id := job_of_key(key))}
    async with transaction() as session:
        named = await queries.keys_of(session, set(jobs.values()))
    unnamed = jobs.keys() - named
    for key in unnamed:
        await storage.delete(key)
    return len(unnamed)
