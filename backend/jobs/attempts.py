"""One attempt at a job: the handler, and what its end means."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import structlog

from backend.access import Scope, require
from backend.core.settings import get_settings
from backend.jobs.backoff import delay
from backend.jobs.context import JobContext
from backend.jobs.errors import Deferred, Failure, JobCanceled, LeaseLost, classify, is_refusal
from backend.jobs.kinds import kind_named
from backend.jobs.models import JobStatus
from backend.jobs.queries import Claimed, Outcome

log = structlog.get_logger(__name__)


async def attempt(job: Claimed, context: JobContext) -> Outcome | None:
    """Do the job; the outcome to write. None when there is nothing to write: it is written, or the lease is lost."""
    try:
        result = await _handle(job, context)
    except LeaseLost:
        log.warning("job_lease_lost", job=str(job.id), kind=job.kind)
        return None
    except JobCanceled:
        return canceled(job)
    except Deferred as deferred:
        return given_back(job, max(0.0, deferred.delay))
    except (Exception, SystemExit) as error:
        failure = classify(error)
        if is_refusal(error):
            log.info("job_waits_for_models", job=str(job.id), kind=job.kind, error=failure.error_class)
            return after_refusal(job, failure)
        log.warning("job_attempt_failed", job=str(job.id), kind=job.kind, attempt=job.attempts, exc_info=error)
        return after_failure(job, failure)
    return None if context.succeeded else result


async def _handle(job: Claimed, context: JobContext) -> Outcome:
    kind = kind_named(job.kind)
    require(await context.actor(), kind.action, Scope(section_id=job.section_id, owner_id=job.requested_by))
    payload = kind.payload.model_validate(job.payload)
    async with asyncio.timeout(kind.time_limit):
        result = await kind.handle(context, payload)
    return Outcome(job.id, job.lease_token, JobStatus.SUCCEEDED, result.model_dump(mode="json"))


def canceled(job: Claimed) -> Outcome:
    """It was cancelled."""
    return Outcome(job.id, job.lease_token, JobStatus.CANCELED)


def given_back(job: Claimed, seconds: float = 0.0) -> Outcome:
    """It goes back to the queue and this attempt doesn't count."""
    return Outcome(job.id, job.lease_token, JobStatus.QUEUED, delay=seconds, given_back=True)


def after_refusal(job: Claimed, failure: Failure, drawn: Callable[[], float] = random.random) -> Outcome:
    """It goes back to the queue until models have room, as long as that takes: no attempt is lost to others' haste.

    The first step of the backoff is spread on top, so that all who were refused don't come back at once.
    """
    settings = get_settings()
    wait = max(0.0, failure.retry_after or 0.0) + (0.5 + 0.5 * drawn()) * settings.job_backoff
    outcome = given_back(job, min(wait, settings.job_backoff_cap))
    return replace(outcome, error_class=failure.error_class, error_message=failure.message)


def after_failure(job: Claimed, failure: Failure, drawn: Callable[[], float] = random.random) -> Outcome:
    """What follows from a failure: failed, dead, or another attempt after a while."""
    settings = get_settings()
    if failure.permanent:
        status, wait = JobStatus.FAILED, 0.0
    elif job.attempts >= job.max_attempts:
        status, wait = JobStatus.DEAD, 0.0
    else:
        status = JobStatus.QUEUED
        wait = delay(
            job.attempts,
            drawn(),
            base=settings.job_backoff,
            cap=settings.job_backoff_cap,
            retry_after=failure.retry_after,
        )
    return Outcome(
        job.id,
        job.lease_token,
        status,
        error_class=failure.error_class[:120],
        error_message=failure.message,
        delay=wait,
    )
