"""The one door to a language model, for chat, jobs and CLI."""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from math import inf
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

MOST_TOKENS = 100_000_000
"""More than any model takes or gives: figures above are a server's mistake, and would spoil sums and budgets."""
LONGEST_MODEL_NAME = 200
"""Characters kept of what a response calls its model."""

_drifted: dict[str, str] = {}
"""The last other model that answered for each registered one, so that the log says it once."""

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
    first token gives way to the next, one whose window is too small to the roomiest that is left. Raises a
    `CompletionError` when nobody answered (the first model's), or when the answer was cut: a cut answer is never
    reported as finished. Closing the generator closes the provider's connection.
    """
    chain = await _chain(request)
    await refuse_over_budget(chain)
    purpose = _purpose(request, chain)
    untried = list(chain.models)
    failures: list[CompletionError] = []
    while untried:
        spec = untried.pop(0)
        reason = f"failed_over:{failures[-1].code}" if failures else chain.reason
        attempt = Attempt(purpose, len(failures) + 1, spec, reason)
        try:
            async with aclosing(_attempt(attempt, _tailored(request.prompt, chain, spec))) as events:
                async for event in events:
                    yield event
            return
        except FALLS_OVER as error:
            if attempt.first_token_ms is not None:
                raise
            failures.append(error)
            log.warning("fell_over", model=spec.name, error=error.code, detail=error.detail)
            if isinstance(error, ContextTooLong):
                untried = _roomiest(untried, spec)
    raise failures[0]


async def generate(request: CompletionRequest) -> Completion:
    """Answer `request` as a whole. Raises what `stream` raises.

    With a `response_schema`, `parsed` is the JSON, or None beside tool calls; `InvalidRequest` when the model didn't
    write JSON.
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
        parsed=_parsed(answer) if request.prompt.response_schema and not calls else None,
    )


async def _chain(request: CompletionRequest) -> Chain:
    if request.feature is Feature.SEMANTIC_SEARCH:
        raise InvalidRequest("semantic_search has an embedding model, which doesn't write answers.")
    if request.model is not None:
        return await single(request.model, request.feature)
    return await resolve(request.feature, request.section_id)


async def _attempt(attempt: Attempt, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """One try at one model. Whatever becomes of it, the ledger gets its row."""
    spec, said = attempt.spec, []
    outcome, failure = Outcome.CANCELLED, None
    try:
        yield Routed(spec.name, attempt.reason)
        provider = await clients.provider_for(spec)
        async with aclosing(provider.stream(prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        attempt.saw_token()
                        event = TextDelta(_storable(event.text))  # noqa: PLW2901 - what the caller gets is clean too
                        said.append(event.text)
                    case ToolCall():
                        attempt.saw_token()
                    case Usage():
                        counted = event if _is_plausible(event) else estimate_usage(prompt, "".join(said))
                        event = attempt.usage = priced(spec, counted)  # noqa: PLW2901 - and has the price
                    case Finished():
                        event = _note_model(attempt, event)  # noqa: PLW2901
                        outcome = Outcome.SUCCEEDED
                yield event
    except Exception as error:
        outcome, failure = Outcome.FAILED, error
        raise
    finally:
        if outcome is Outcome.CANCELLED:
            failure = Cancelled()
            attempt.usage = attempt.usage or (estimate_usage(prompt, "".join(said)) if said else None)
        await ledger.record(attempt, outcome, failure)


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


def _roomiest(models: Sequence[ModelSpec], than: ModelSpec) -> list[ModelSpec]:
    """The first model with the largest window, if that is larger than the one that was too small."""
    largest = max(models, key=_window, default=than)
    return [largest] if _window(largest) > _window(than) else []


def _window(spec: ModelSpec) -> float:
    """Tokens; an unknown window may be of any size, so it is worth a try."""
    return spec.context_window or inf


def _is_plausible(usage: Usage) -> bool:
    return max(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) <= MOST_TOKENS


def _storable(text: str) -> str:
    """`text` as Postgres and UTF-8 can hold it: without NULs, halves of surrogate pairs joined or replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _note_model(attempt: Attempt, finished: Finished) -> Finished:
    """Every row of the ledger records what answered; the log warns when it isn't, or is no longer, what was asked."""
    reported = _storable(finished.reported_model)[:LONGEST_MODEL_NAME] if finished.reported_model else None
    attempt.reported_model = reported
    asked, name = attempt.spec.model, attempt.spec.name
    if reported is not None and reported != _drifted.get(name, asked):
        log.warning("model_drift", model=name, asked=asked, answered=reported)
        _drifted[name] = reported
    return replace(finished, reported_model=reported)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(_unfenced(answer))
    except (ValueError, RecursionError):
        raise InvalidRequest(detail="the model's structured answer isn't JSON") from None


def _unfenced(answer: str) -> str:
    """Models without a JSON mode like to put their JSON into a code fence."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", answer, re.DOTALL)
    return fenced[1] if fenced else answer
