"""One try at one model, and what the caller has heard so far from all tries."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import structlog

from backend.core.masking import mask
from backend.core.tasks import to_the_end
from backend.genai import clients, ledger
from backend.genai.admission import Ticket
from backend.genai.errors import Cancelled, CompletionError, Fault, ProviderUnavailable
from backend.genai.ledger import Attempt
from backend.genai.models import Outcome
from backend.genai.prices import priced
from backend.genai.providers import estimate_usage
from backend.genai.schemas import (
    AssistantMessage,
    Event,
    Finished,
    ModelSpec,
    Prompt,
    Restarted,
    Routed,
    TextDelta,
    ToolCall,
    Usage,
)
from backend.genai.walk import Step

log = structlog.get_logger(__name__)

MOST_TOKENS = 100_000_000
"""More than any model takes or gives: figures above are a server's mistake, and would spoil sums and budgets."""
LONGEST_MODEL_NAME = 200
"""Characters kept of what a response calls its model."""

_drifted: dict[str, str] = {}
"""The last other model that answered for each registered one, so that the log says it once."""


class Said:
    """What the caller was told: the half of an answer decides how the next model begins."""

    def __init__(self) -> None:
        self.attempts = 0
        self.continues = False
        """The model that is being asked goes on with another's half."""
        self._text: list[str] = []
        self._called_tools = False
        self._half_by: ModelSpec | None = None
        self._may_continue = True
        self._gap = ""

    def opening(self, step: Step, prompt: Prompt, last_code: str) -> tuple[Routed | Restarted, Prompt]:
        """The event that begins the attempt at `step`, and what is asked: to go on where both models can, else anew."""
        name, half, self._gap = step.spec.name, "".join(self._text), ""
        if not half and not self._called_tools:
            self.continues = False
            return Routed(name, step.reason), prompt
        self.continues = self._can_continue(step.spec, prompt)
        if self.continues:
            begun = half.rstrip()  # Anthropic refuses a message that ends in white space
            self._gap = half[len(begun) :]
            return Routed(name, f"continued:{last_code}"), replace(
                prompt, messages=(*prompt.messages, AssistantMessage(begun))
            )
        self._text.clear()
        self._called_tools = False
        return Restarted(name, f"restarted:{last_code}"), prompt

    def hear(self, event: Event) -> Event | None:
        """The event as the caller gets it: a model that goes on may repeat the space that was shown already."""
        if isinstance(event, TextDelta):
            if self._gap:
                event, self._gap = TextDelta(event.text.lstrip()), ""
            if not event.text:
                return None
            self._text.append(event.text)
        elif isinstance(event, ToolCall):
            self._called_tools = True
        return event

    def broke_off(self, spec: ModelSpec, *, may_continue: bool) -> None:
        """The model that was asked failed; whether another one may go on with what it said."""
        self._half_by = spec
        self._may_continue = may_continue

    def _can_continue(self, spec: ModelSpec, prompt: Prompt) -> bool:
        return (
            self._may_continue
            and not self._called_tools
            and prompt.response_schema is None
            and self._half_by is not None
            and self._half_by.supports_assistant_prefill
            and spec.supports_assistant_prefill
            and bool("".join(self._text).strip())
        )


async def try_model(
    attempt: Attempt, prompt: Prompt, ticket: Ticket | None, opening: Routed | Restarted
) -> AsyncGenerator[Event, None]:
    """`opening`, then the answer of one model. Whatever becomes of it, the ledger gets a row and `ticket` is closed."""
    spec, said = attempt.spec, []
    outcome, failure = Outcome.CANCELLED, None
    attempt.asked(prompt)
    try:
        yield opening
        try:
            async with asyncio.timeout(prompt.time_limit):  # the local model has to be started first
                provider = await clients.provider_for(spec)
        except TimeoutError:
            raise ProviderUnavailable.by(Fault.OVERDUE, "it didn't start in time") from None
        async with aclosing(provider.stream(prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        attempt.saw_token()
                        event = TextDelta(storable(event.text))  # noqa: PLW2901 - what the caller gets is clean too
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
    except CompletionError as error:
        outcome, failure = Outcome.FAILED, error
        raise
    except Exception as error:  # no provider's answer, whatever is in it, may keep the next model from being asked
        log.error("provider_broke", model=spec.name, error=type(error).__name__)
        outcome, failure = Outcome.FAILED, ProviderUnavailable.by(Fault.UNFIT, type(error).__name__)
        raise failure from None
    finally:
        if outcome is Outcome.CANCELLED:
            failure = Cancelled()
            attempt.usage = attempt.usage or (estimate_usage(prompt, "".join(said)) if said else None)
        await to_the_end(_settle(attempt, outcome, failure, prompt, ticket))
        if outcome is not Outcome.FAILED:
            attempt.over()


async def _settle(
    attempt: Attempt, outcome: Outcome, failure: CompletionError | None, prompt: Prompt, ticket: Ticket | None
) -> None:
    """Close the ticket and write the row."""
    try:
        if ticket is not None:
            ours = _ran_out_of_our_time(failure, attempt, prompt)
            first_token = attempt.first_token_ms / 1000 if attempt.first_token_ms is not None else None
            tokens = attempt.usage.input_tokens + attempt.usage.output_tokens if attempt.usage else 0
            await ticket.close(Cancelled() if ours else failure, first_token, tokens, attempt.reported_model)
    except Exception as error:
        log.error("ticket_not_closed", model=attempt.spec.name, error=type(error).__name__)
    finally:
        await ledger.record(attempt, outcome, failure)


def _ran_out_of_our_time(failure: BaseException | None, attempt: Attempt, prompt: Prompt) -> bool:
    """Whether the request's time was over, most of it spent on other models: that says nothing of this one."""
    overdue = isinstance(failure, ProviderUnavailable) and failure.fault is Fault.OVERDUE
    return overdue and (prompt.time_limit or 0) < attempt.spec.total_timeout * 0.9


def _is_plausible(usage: Usage) -> bool:
    return max(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) <= MOST_TOKENS


def storable(text: str) -> str:
    """`text` as Postgres and UTF-8 can hold it: without NULs, halves of surrogate pairs joined or replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _note_model(attempt: Attempt, finished: Finished) -> Finished:
    """Every row of the ledger records what answered; the log warns when it isn't, or is no longer, what was asked.

    A server may write anything into its model's name, our key too.
    """
    reported = mask(storable(finished.reported_model))[:LONGEST_MODEL_NAME] if finished.reported_model else None
    attempt.reported_model, attempt.finish_reason = reported, finished.reason
    asked, name = attempt.spec.model, attempt.spec.name
    if reported is not None and reported != _drifted.get(name, asked):
        log.warning("model_drift", model=name, asked=asked, answered=reported)
        _drifted[name] = reported
    return replace(finished, reported_model=reported)
