"""Long work that survives anything: kinds of jobs, enqueueing, workers, and what people see and do about their jobs."""

from backend.jobs.administration import (
    Count,
    Overview,
    WorkerView,
    cancel_jobs,
    discard_jobs,
    overview,
    pause,
    resume,
    retry_jobs,
)
from backend.jobs.cleanup import ARTIFACT_CLEANUP
from backend.jobs.context import ArtifactStore, JobContext
from backend.jobs.enqueueing import Requested, enqueue, pushes_done, request_job
from backend.jobs.errors import Deferred, JobCanceled, LeaseLost, Permanent
from backend.jobs.events import stream_name
from backend.jobs.figures import exposition as job_figures
from backend.jobs.following import follow_job
from backend.jobs.kinds import Kind, awaited_kinds, known_kinds, register, subject_of, title_of
from backend.jobs.models import JobStatus, Lane, LogLevel, Priority
from backend.jobs.news import News, current_jobs, take_news
from backend.jobs.process import work
from backend.jobs.reading import (
    address_of,
    cancel_job,
    is_held_up,
    list_artifacts,
    list_jobs,
    names_of,
    read_job,
    read_log,
    retry_job,
)
from backend.jobs.schemas import Artifact, JobPage, JobView, LogLine, Names

__all__ = [
    "ARTIFACT_CLEANUP",
    "Artifact",
    "ArtifactStore",
    "Count",
    "Deferred",
    "JobCanceled",
    "JobContext",
    "JobPage",
    "JobStatus",
    "JobView",
    "Kind",
    "Lane",
    "LeaseLost",
    "LogLevel",
    "LogLine",
    "Names",
    "News",
    "Overview",
    "Permanent",
    "Priority",
    "Requested",
    "WorkerView",
    "address_of",
    "awaited_kinds",
    "cancel_job",
    "cancel_jobs",
    "current_jobs",
    "discard_jobs",
    "enqueue",
    "follow_job",
    "is_held_up",
    "job_figures",
    "known_kinds",
    "list_artifacts",
    "list_jobs",
    "names_of",
    "overview",
    "pause",
    "pushes_done",
    "read_job",
    "read_log",
    "register",
    "request_job",
    "resume",
    "retry_job",
    "retry_jobs",
    "stream_name",
    "subject_of",
    "take_news",
    "title_of",
    "work",
]
