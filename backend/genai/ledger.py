"""The ledger: one row per attempt, written whatever became of it. Telemetry hears of it here, too."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Unavailable
from backend.core.ids import new_id
from backend.genai.errors import CompletionError
from backend.genai.models import CompletionRequest, Outcome
from backend.genai.observing import observe
from backend.genai.prices import cost_of
from backend.genai.schemas import FinishReason, ModelSpec, Prompt, Usage

log = structlog.get_logger(__name__)

RETRY_DELAYS = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds between tries while Postgres is away; an answer that was paid for should not go unrecorded."""
_writing: set[asyncio.Task[None]] = set()


@dataclass(slots=True)
class Purpose:
    """What a completion is for: the ledger's columns that are the same for every attempt."""

    feature: str
    section_id: UUID | None = None
    person_id: UUID | None = None
    conversation_id: UUID | None = None
    job_id: UUID | None = None
    config_id: UUID | None = None
    request_id: UUID = field(default_factory=new_id)


@dataclass(slots=True)
class Attempt:
    """One try at one model, as it goes."""

    purpose: Purpose
    number: int
    spec: ModelSpec
    reason: str
    usage: Usage | None = None
    reported_model: str | None = None
    started: float = field(default_factory=time.perf_counter)
    first_token_ms: float | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    finish_reason: FinishReason | None = None

    def asked(self, prompt: Prompt) -> None:
        """Note how the model is asked, never what; from now on log lines name the request that they belong to."""
        self.temperature, self.max_output_tokens = prompt.temperature, prompt.max_output_tokens
        request_id, feature = str(self.purpose.request_id), str(self.purpose.feature)
        structlog.contextvars.bind_contextvars(completion_request_id=request_id, feature=feature)

    def over(self) -> None:
        """Log lines name the request no longer. After a failure they should, for what the caller says of it."""
        structlog.contextvars.unbind_contextvars("completion_request_id", "feature")

    def saw_token(self) -> None:
        """Note the time of the first token."""
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the attempt began."""
        return (time.perf_counter() - self.started) * 1000

    def row(self, outcome: Outcome, error: Exception | None = None) -> CompletionRequest:
        """The ledger's row for this attempt. A failure costs nothing unless the provider reported usage."""
        usage = self.usage or Usage(0, 0)
        moment = now()
        cost = cost_of(self.spec, usage, moment)
        return CompletionRequest(
            request_id=self.purpose.request_id,
            attempt=self.number,
            feature=self.purpose.feature,
            section_id=self.purpose.section_id,
            person_id=self.purpose.person_id,
            conversation_id=self.purpose.conversation_id,
            job_id=self.purpose.job_id,
            config_id=self.purpose.config_id,
            model_id=self.spec.id,
            provider=self.spec.provider,
            requested_model=self.spec.model,
            reported_model=self.reported_model,
            reason=self.reason,
            outcome=outcome,
            http_status=error.http_status if isinstance(error, CompletionError) else None,
            error_class=type(error).__name__ if error else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            tokens_estimated=usage.estimated,
            cost_usd=cost.usd if cost else None,
            unpriced=cost is None,
            price=cost.price if cost else None,
            first_token_ms=self.first_token_ms,
            duration_ms=self.elapsed_ms,
        )


async def record(attempt: Attempt, outcome: Outcome, error: Exception | None = None) -> None:
    """Write the attempt's row, even if the caller is cancelled meanwhile.

    When Postgres is away it is tried again in the background. An answer never fails for the sake of its row: one that
    can't be written is in the log.
    """
    row = attempt.row(outcome, error)
    observe(attempt, row)
    await asyncio.shield(_in_background(_write_soon(row)))


def _in_background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    _writing.add(task)
    task.add_done_callback(_writing.discard)
    return task


async def _write_soon(row: CompletionRequest) -> None:
    try:
        await _write(row)
    except Unavailable:
        _in_background(_write_later(row))
    except Exception as error:
        _lose(row, error)


async def _write_later(row: CompletionRequest) -> None:
    try:
        for delay in RETRY_DELAYS:
            await asyncio.sleep(delay)
            try:
                await _write(row)
            except Unavailable:
                continue
            return
    except (asyncio.CancelledError, Exception) as error:
        _lose(row, error)
        raise
    _lose(row, Unavailable())


async def _write(row: CompletionRequest) -> None:
    async with transaction() as session:
        session.add(CompletionRequest(**row.model_dump()))


def _lose(row: CompletionRequest, error: BaseException) -> None:
    log.error("ledger_row_lost", error=f"{type(error).__name__}: {error}", **row.model_dump(mode="json"))
