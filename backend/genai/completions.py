"""The one door to a language model, for chat, jobs and CLI."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from backend.core.tasks import to_the_end
from backend.core.telemetry import ROUTING_DECISIONS
from backend.genai.admission import admit
from backend.genai.attempts import Said, try_model
from backend.genai.budgets import note_spending
from backend.genai.errors import CompletionError, InvalidRequest, MalformedAnswer
from backend.genai.ledger import Attempt, Purpose
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
from backend.genai.walk import Refusal, Walk

log = structlog.get_logger(__name__)

LEAST_TIME = 1.0
"""Seconds that must be left of a request's time for another attempt to make sense."""


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
    """Answer `request` from the first model of its chain that can; genai.md, section 4, says who is asked when.

    Yields `Routed` or, after text was shown, `Restarted` before each attempt, then the answer's events; `Finished` is
    last. A `Routed` in the middle of an answer means that its model goes on where another's broke off. Raises a
    `CompletionError` when nobody answered (the first failure): a cut answer is never reported as finished. Closing the
    generator closes the provider's connection.
    """
    chain = await _chain(request)
    await refuse_over_budget(chain)
    try:
        async with aclosing(_walked(request, chain)) as events:
            async for event in events:
                yield event
    finally:
        if chain.config_id and chain.budget_usd is not None:
            await to_the_end(note_spending(chain.config_id))


async def generate(request: CompletionRequest) -> Completion:
    """Answer `request` as a whole. Raises what `stream` raises.

    With a `response_schema`, `parsed` is the JSON, or None beside tool calls; `MalformedAnswer` when the model
    didn't write JSON.
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
                    routed = Routed(event.model, event.reason)
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


async def _walked(request: CompletionRequest, chain: Chain) -> AsyncGenerator[Event, None]:
    """The events of whoever answers, along the chain."""
    now = asyncio.get_running_loop().time
    end = now() + chain.models[0].total_timeout
    walk, said, purpose = Walk(chain.models, chain.reason), Said(), _purpose(request, chain)
    while (step := walk.next(now())) and (said.attempts == 0 or now() + step.pause < end - LEAST_TIME):
        await asyncio.sleep(step.pause)
        ticket = None if chain.primary_only else await admit(step.spec, chain.together(step.spec))
        if isinstance(ticket, Refusal):
            walk.refused(ticket)
            continue
        said.attempts += 1
        prompt = replace(_tailored(request.prompt, chain, step.spec), time_limit=end - now())
        opening, prompt = said.opening(step, prompt, walk.last_code)
        attempt = Attempt(purpose, said.attempts, step.spec, opening.reason)
        ROUTING_DECISIONS.labels(request.feature.value, step.spec.name, opening.reason).inc()
        try:
            async with aclosing(try_model(attempt, prompt, ticket, opening)) as events:
                async for event in events:
                    if piece := said.hear(event):
                        yield piece
            return
        except CompletionError as error:
            if said.continues and isinstance(error, InvalidRequest) and attempt.first_token_ms is None:
                walk.declined_to_continue(step.spec, error)
            else:
                walk.failed(step.spec, error, now(), after_text=attempt.first_token_ms is not None)
            said.broke_off(step.spec, may_continue=not isinstance(error, InvalidRequest))
            log.warning("fell_over", model=step.spec.name, error=error.code, detail=error.detail)
    raise walk.error()


async def _chain(request: CompletionRequest) -> Chain:
    if request.feature is Feature.SEMANTIC_SEARCH:
        raise InvalidRequest("semantic_search has an embedding model, which doesn't write answers.")
    if request.model is not None:
        return await single(request.model, request.feature)
    return await resolve(request.feature, request.section_id)


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


def _parsed(answer: str) -> Any:
    try:
        return json.loads(_unfenced(answer))
    except (ValueError, RecursionError):
        raise MalformedAnswer(answer) from None


def _unfenced(answer: str) -> str:
    """Models without a JSON mode like to put their JSON into a code fence."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", answer, re.DOTALL)
    return fenced[1] if fenced else answer
