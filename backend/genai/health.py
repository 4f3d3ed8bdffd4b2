"""How every model is doing, for administrators, and taking one out of service by hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from backend.access import Action, Actor, AuditEntry, record, require
from backend.core.database import transaction
from backend.core.errors import NotFound, Unavailable
from backend.core.settings import get_settings
from backend.genai import queries
from backend.genai.admission import breaker_key, change_breaker, room_of
from backend.genai.breaker import Breaker, Verdict
from backend.genai.models import RegisteredModel
from backend.genai.shared import get_shared


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """A model as its answers of the breaker's window show it. Rates in 0..1."""

    id: UUID
    name: str
    provider: str
    model: str
    enabled: bool
    state: str
    """`closed` (healthy), `open` or `half_open`: see `breaker.State`."""
    forced: bool
    """Somebody took it out of service."""
    misconfigured: str
    """What the provider said of key, permission or model name; empty when fine."""
    samples: int
    error_rate: float
    rate_limit_rate: float
    first_token_p95_ms: float | None
    in_flight: int
    max_concurrent: int | None
    last_error: str
    last_error_at: datetime | None
    next_probe_at: datetime | None
    answered_as: str
    """The other model that answered last; empty when it was the pinned one."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All models, by name, and in what mode they are routed."""

    models: tuple[ModelHealth, ...]
    shared: bool
    """False: Redis is away, and the figures are this process's alone."""
    primary_only: bool
    """The kill switch `GENAI_ROUTING_PRIMARY_ONLY` is on."""


async def read_health(actor: Actor) -> HealthReport:
    """How every registered model is doing now."""
    require(actor, Action.GENAI_OBSERVE)
    async with transaction() as session:
        models = await queries.models(session)
    shared = get_shared()
    records = await shared.read([breaker_key(model.id) for model in models])
    in_flight = await shared.count([room_of(model.id) for model in models])
    report = tuple(
        _health(model, Breaker.decode(text), count)
        for model, text, count in zip(models, records, in_flight, strict=True)
    )
    return HealthReport(report, shared.is_shared, get_settings().routing_primary_only)


async def open_breaker(actor: Actor, model_id: UUID) -> None:
    """Take a model out of service until somebody puts it back. Raises `NotFound`."""
    await _by_hand(actor, model_id, "taken_out", lambda held: held.opened_by_hand(time.time()))


async def close_breaker(actor: Actor, model_id: UUID) -> None:
    """Put a model back into service, whatever its breaker thought of it. Raises `NotFound`."""
    await _by_hand(actor, model_id, "put_back", lambda held: held.closed_by_hand())


async def note_good_test(model_id: UUID) -> None:
    """A model answered an administrator's test with its stored configuration: it is configured well."""
    await change_breaker(model_id, lambda held: held.passed_test())


async def forget_health(model_id: UUID) -> None:
    """A model has a new address, key or name: what its old answers said of it says nothing any more."""
    await change_breaker(model_id, lambda held: held if held.forced else Breaker())


async def _by_hand(actor: Actor, model_id: UUID, verb: str, by: Callable[[Breaker], Breaker]) -> None:
    require(actor, Action.GENAI_OBSERVE)
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        model = await queries.model_by_id(session, model_id)
        if model is None:
            raise NotFound
        record(session, AuditEntry(actor_id=actor.person_id, action=f"model.{verb}", subject=model.name))
        await get_shared().read([breaker_key(model_id)])
        if not get_shared().is_shared:
            raise Unavailable("Redis is away, so other processes wouldn't hear of this. Try again when it is back.")
        await change_breaker(model_id, by)


def _health(model: RegisteredModel, breaker: Breaker, in_flight: int) -> ModelHealth:
    now = time.time()
    recent = breaker.within(model.breaker_window, now)
    p95 = recent.first_token_p95()
    return ModelHealth(
        id=model.id,
        name=model.name,
        provider=model.provider,
        model=model.model,
        enabled=model.enabled,
        state=breaker.state(now).value,
        forced=breaker.forced,
        misconfigured=breaker.misconfigured,
        samples=len(recent.samples),
        error_rate=recent.rate(Verdict.ERROR),
        rate_limit_rate=recent.rate(Verdict.RATE_LIMITED),
        first_token_p95_ms=None if p95 is None else p95 * 1000,
        in_flight=in_flight,
        max_concurrent=model.max_concurrent,
        last_error=breaker.last_error,
        last_error_at=_moment(breaker.last_error_at),
        next_probe_at=_moment(breaker.next_probe_at(now)),
        answered_as=breaker.answered_as,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
