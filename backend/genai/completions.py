"""The one door to a language model, for chat, jobs and CLI."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from backend.genai import clients, ledger
from backend.genai.errors import (
    AuthenticationFailed,
    Cancelled,
    CompletionError,
    ContextTooLong,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.ledger import Attempt, Purpose
from backend.genai.models import Outcome
from backend.genai.prices import priced
from backend.genai.providers import estimate_usage
from backend.genai.routing import Chain, refuse_over_budget, resolve, single
from backend.genai.schemas import (
    Completion,
    Event,
    Feature,
    Finished,
    ModelSpec,
    Prompt,
    Restarted,
    Routed,
    TextDelta,
    ToolCall,
    Usage,
)

log = structlog.get_logger(__name__)

FALLS_OVER = (ProviderUnavailable, RateLimited, AuthenticationFailed, ContextTooLong)
"""Failures that another model may not share. The rest would be the same everywhere, or must not be routed around."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What is asked, for what, and on whose behalf. `model` (a registered name) goes around the feature's chain."""

    feature: Feature
    prompt: Prompt
    section_id: UUID | None = None
    person_id: UUID | None = None
    conversation_id: UUID | None = None
    job_id: UUID | None = None
    model: str | None = None


async def stream(request: CompletionRequest) -> AsyncGenerator[Event, None]:
    """Answer `request` from the first model of its chain that can.

    Yields `Routed` before each attempt, then the answer's events; `Finished` is last. A model that fails before its
    first token gives way to the next. Raises a `CompletionError` when nobody answered, or when the answer was cut:
    a cut answer is never reported as finished. Closing the generator closes the provider's connection.
    """
    chain = await (single(request.model) if request.model else resolve(request.feature, request.section_id))
    await refuse_over_budget(chain)
    purpose = _purpose(request, chain)
    first_error: CompletionError | None = None
    for number, spec in enumerate(chain.models, start=1):
        if isinstance(first_error, ContextTooLong) and not _roomier(spec, chain.models[0]):
            continue
        attempt = Attempt(purpose, number, spec, _reason(first_error))
        try:
            async with aclosing(_attempt(attempt, _tailored(request.prompt, chain, spec))) as events:
                async for event in events:
                    yield event
            return
        except FALLS_OVER as error:
            if attempt.first_token_ms is not None:
                raise
            first_error = first_error or error
            log.warning("fell_over", model=spec.name, error=error.code, detail=error.detail)
    assert first_error is not None
    raise first_error


async def generate(request: CompletionRequest) -> Completion:
    """Answer `request` as a whole. Raises what `stream` raises.

    With a `response_schema`, `parsed` is the JSON; `InvalidRequest` when the model didn't write JSON.
    """
    text: list[str] = []
    calls: list[ToolCall] = []
    routed, usage, finished = Routed("", ""), Usage(0, 0), None
    async with aclosing(stream(request)) as events:
        async for event in events:
            match event:
                case Routed():
                    routed = event
                case Restarted():
                    text.clear()
                    calls.clear()
                case TextDelta():
                    text.append(event.text)
                case ToolCall():
                    calls.append(event)
                case Usage():
                    usage = event
                case Finished():
                    finished = event
    assert finished is not None
    answer = "".join(text)
    return Completion(
        text=answer,
        tool_calls=tuple(calls),
        usage=usage,
        finish_reason=finished.reason,
        model=routed.model,
        reported_model=finished.reported_model,
        reason=routed.reason,
        parsed=_parsed(answer) if request.prompt.response_schema else None,
    )


async def _attempt(attempt: Attempt, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """One try at one model. Whatever becomes of it, the ledger gets its row."""
    spec, said = attempt.spec, []
    outcome, failure = Outcome.CANCELLED, None
    yield Routed(spec.name, attempt.reason)
    try:
        async with aclosing(_open(spec, prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        attempt.saw_token()
                        said.append(event.text)
                    case ToolCall():
                        attempt.saw_token()
                    case Usage():
                        event = attempt.usage = priced(spec, event)  # noqa: PLW2901 - the caller gets the price too
                    case Finished():
                        _note_model(attempt, event)
                        outcome = Outcome.SUCCEEDED
                yield event
    except CompletionError as error:
        outcome, failure = Outcome.FAILED, error
        raise
    finally:
        if outcome is Outcome.CANCELLED:
            failure = Cancelled()
            attempt.usage = attempt.usage or (estimate_usage(prompt, "".join(said)) if said else None)
        await asyncio.shield(ledger.record(attempt, outcome, failure))


async def _open(spec: ModelSpec, prompt: Prompt) -> AsyncGenerator[Event, None]:
    provider = await clients.provider_for(spec)
    events: AsyncIterator[Event] = provider.stream(prompt)
    try:
        async for event in events:
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _purpose(request: CompletionRequest, chain: Chain) -> Purpose:
    return Purpose(
        feature=request.feature,
        section_id=request.section_id,
        person_id=request.person_id,
        conversation_id=request.conversation_id,
        job_id=request.job_id,
        config_id=chain.config_id,
    )


def _tailored(prompt: Prompt, chain: Chain, spec: ModelSpec) -> Prompt:
    """The prompt with the config's temperature and the tightest of the token limits."""
    limits = [x for x in (prompt.max_output_tokens, chain.max_output_tokens, spec.max_output_tokens) if x is not None]
    return replace(
        prompt,
        temperature=chain.temperature if prompt.temperature is None else prompt.temperature,
        max_output_tokens=min(limits, default=None),
        tools=prompt.tools if spec.supports_tools else (),
    )


def _reason(first_error: CompletionError | None) -> str:
    return f"failed_over:{first_error.code}" if first_error else "primary"


def _roomier(spec: ModelSpec, than: ModelSpec) -> bool:
    return (spec.context_window or 0) > (than.context_window or 0)


def _note_model(attempt: Attempt, finished: Finished) -> None:
    attempt.reported_model = finished.reported_model
    if finished.reported_model and finished.reported_model != attempt.spec.model:
        log.warning("model_drift", model=attempt.spec.name, asked=attempt.spec.model, answered=finished.reported_model)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except ValueError as error:
        raise InvalidRequest(detail="the model's structured answer isn't JSON") from error
