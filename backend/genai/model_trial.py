"""Asking a model one line with what stands in its form, saved or not: does it work?"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.core.tasks import to_the_end
from backend.genai import ledger, queries
from backend.genai.attempts import LONGEST_MODEL_NAME, MOST_TOKENS, storable
from backend.genai.clients import open_apart
from backend.genai.errors import Cancelled, CompletionError, Fault, ProviderUnavailable
from backend.genai.health import note_good_test
from backend.genai.ledger import Attempt, Purpose
from backend.genai.model_entry import entry_of
from backend.genai.model_forms import GONE
from backend.genai.models import Outcome, RegisteredModel
from backend.genai.prices import priced
from backend.genai.providers import Provider, estimate_usage
from backend.genai.providers.failures import without_secrets
from backend.genai.registered_models import applied, connection_of
from backend.genai.routing import spec_of
from backend.genai.schemas import Finished, ModelKind, ModelSpec, Prompt, TextDelta, ToolCall, Usage, UserMessage

MOST_SECONDS = 30.0
"""How long a person waits for a test, whatever the model's own time limits."""
MOST_OUTPUT = 1_000
"""Tokens: room for a model that thinks before it says a line."""
LONGEST_ANSWER = 2_000
PROMPT = Prompt((UserMessage("Say hello in one short sentence."),))
FEATURE = "model_test"
NO_EMBEDDINGS = (
    "Embedding models can't be tested yet: there is no search to use them. What is typed here follows every rule."
)


@dataclass(frozen=True, slots=True)
class TrialFailure:
    """Why there was no answer: the error's class, the HTTP status, and the provider's words without secrets."""

    kind: str
    http_status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test. Times in milliseconds."""

    answer: str = ""
    first_token_ms: float | None = None
    duration_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    """The provider reported no tokens, so they were counted."""
    cost_usd: Decimal | None = None
    """None: no price is known."""
    asked_model: str = ""
    reported_model: str | None = None
    failure: TrialFailure | None = None
    untested: str = ""
    """Why nothing was asked; empty when it was."""

    @property
    def drifted(self) -> bool:
        """Another model than the pinned one answered."""
        return self.reported_model is not None and self.reported_model != self.asked_model


async def test_model(actor: Actor, model_id: UUID | None, values: Mapping[str, str]) -> Trial:
    """Ask the model of a form for one line, within its time limits and at most `MOST_SECONDS`.

    A stored key is used as a save would keep it. Raises what `save_model` raises; what the provider does wrong is in
    the result. The request is in the ledger. When what is stored works, its breaker is told.
    """
    require(actor, Action.GENAI_CONFIGURE)
    held = await _stored(model_id) if model_id else None
    entry = entry_of(values, held)
    row, _ = applied(entry, RegisteredModel(**held.model_dump()) if held else None)
    if entry.kind is ModelKind.EMBEDDING:
        return Trial(asked_model=entry.model, untested=NO_EMBEDDINGS)
    trial = await _ask(spec_of(row), actor.person_id)
    if held and trial.failure is None and connection_of(held) == connection_of(row):
        await note_good_test(held.id)
    return trial


async def _stored(model_id: UUID) -> RegisteredModel:
    async with transaction() as session:
        model = await queries.model_by_id(session, model_id)
    if model is None:
        raise NotFound(GONE)
    return model


async def _ask(spec: ModelSpec, person_id: UUID | None) -> Trial:
    """The test itself. Whatever becomes of it, the ledger gets its row."""
    attempt = Attempt(Purpose(FEATURE, person_id=person_id), 1, spec, "test")
    said: list[str] = []
    outcome = Outcome.CANCELLED
    failure: CompletionError | None = Cancelled()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await _listen(attempt, said)
        outcome, failure = Outcome.SUCCEEDED, None
    except TimeoutError:
        late = f"not finished within {MOST_SECONDS:g} s"
        outcome, failure = Outcome.FAILED, ProviderUnavailable.by(Fault.OVERDUE, late)
    except CompletionError as error:
        outcome, failure = Outcome.FAILED, error
    finally:
        await to_the_end(ledger.record(attempt, outcome, failure))
    return _trial(attempt, "".join(said), failure)


async def _listen(attempt: Attempt, said: list[str]) -> None:
    """Hear the answer out, noting what it is made of."""
    most_output = min(MOST_OUTPUT, attempt.spec.max_output_tokens or MOST_OUTPUT)
    prompt = replace(PROMPT, max_output_tokens=most_output)
    async with _opened(attempt.spec) as provider, aclosing(provider.stream(prompt)) as events:
        attempt.started = time.perf_counter()  # not when its SDK, or the local model, was started for the first time
        async for event in events:
            match event:
                case TextDelta():
                    attempt.saw_token()
                    said.append(storable(event.text))
                case ToolCall():
                    attempt.saw_token()
                case Usage():
                    most = max(event.input_tokens, event.output_tokens, event.cached_tokens, event.reasoning_tokens)
                    counted = event if most <= MOST_TOKENS else estimate_usage(prompt, "".join(said))
                    attempt.usage = priced(attempt.spec, counted)
                case Finished():
                    reported = event.reported_model
                    attempt.reported_model = storable(reported)[:LONGEST_MODEL_NAME] if reported else None


@asynccontextmanager
async def _opened(spec: ModelSpec) -> AsyncIterator[Provider]:
    provider = await open_apart(spec)
    try:
        yield provider
    finally:
        await provider.aclose()


def _trial(attempt: Attempt, said: str, failure: CompletionError | None) -> Trial:
    usage = attempt.usage or Usage(0, 0)
    return Trial(
        answer=without_secrets(said, attempt.spec)[:LONGEST_ANSWER],
        first_token_ms=attempt.first_token_ms,
        duration_ms=attempt.elapsed_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        estimated=usage.estimated,
        cost_usd=usage.cost_usd,
        asked_model=attempt.spec.model,
        reported_model=attempt.reported_model,
        failure=_told(failure, attempt.spec) if failure else None,
    )


def _told(failure: CompletionError, spec: ModelSpec) -> TrialFailure:
    detail = without_secrets(failure.detail or failure.message, spec)
    return TrialFailure(type(failure).__name__, failure.http_status, detail)
