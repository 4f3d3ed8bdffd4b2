"""How every model is doing, kept up to date while somebody looks."""

import math
from datetime import datetime
from typing import Any, TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend.core.clock import now
from backend.core.errors import NotFound, StoaError
from backend.core.ids import parse_id
from backend.genai import ModelHealth, close_breaker, open_breaker, read_health

WORDS = {"closed": "healthy", "open": "open", "half_open": "probing"}
TONES = {"closed": "good", "open": "bad", "half_open": "warn"}


class HealthItem(TypedDict):
    """A model in words. Rates in 0..1, None as long as no answer came."""

    id: str
    name: str
    provider: str
    model: str
    state: str
    tone: str
    why: str
    samples: int
    error_rate: float | None
    rate_limit_rate: float | None
    first_token_p95_ms: float | None
    load: str
    last_error: str
    last_error_at: str
    probe_in: int
    """Seconds until the next probe; -1 when none is due."""
    answered_as: str
    can_take_out: bool
    can_put_back: bool


class HealthState(Session):
    """The report, read anew at every beat of the page."""

    models: list[HealthItem] = []
    shared: bool = True
    primary_only: bool = False
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""
    news: str = ""
    """What screen readers are told: which models changed their state just now."""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.news = "", ""
        return await self._read()

    @rx.event
    async def beat(self) -> Any:
        """Read the report anew."""
        return await self._read()

    @rx.event
    async def take_out(self, model_id: str) -> None:
        """Take a model out of service until somebody puts it back."""
        await open_breaker(acting(), _target(model_id))
        await self._read()

    @rx.event
    async def put_back(self, model_id: str) -> None:
        """Put a model back into service."""
        await close_breaker(acting(), _target(model_id))
        await self._read()

    async def _read(self) -> Any:
        try:
            report = await read_health(acting())
        except StoaError as error:
            return self._refusal(error)
        found = [_item(model) for model in report.models]
        if news := changes(self.models, found):
            self.news = news
        if found != self.models:
            self.models = found
        self.shared, self.primary_only = report.shared, report.primary_only
        self.beats += 1
        self.loading = False
        return None


def changes(before: list[HealthItem], after: list[HealthItem]) -> str:
    """The models whose state is another than before, in a sentence; empty when there is none."""
    known = {each["id"]: each["state"] for each in before}
    told = [
        f"{each['name']} is {each['state']}." for each in after if known.get(each["id"], each["state"]) != each["state"]
    ]
    return " ".join(told)


def _target(model_id: str) -> Any:
    if (target := parse_id(model_id)) is None:
        raise NotFound
    return target


def _item(model: ModelHealth) -> HealthItem:
    state, tone = _state(model)
    return HealthItem(
        id=str(model.id),
        name=model.name,
        provider=model.provider,
        model=model.model,
        state=state,
        tone=tone,
        why=model.misconfigured,
        samples=model.samples,
        error_rate=model.error_rate if model.samples else None,
        rate_limit_rate=model.rate_limit_rate if model.samples else None,
        first_token_p95_ms=model.first_token_p95_ms,
        load=f"{model.in_flight} of {model.max_concurrent}" if model.max_concurrent else str(model.in_flight),
        last_error=model.last_error,
        last_error_at=model.last_error_at.isoformat() if model.last_error_at else "",
        probe_in=_seconds_until(model.next_probe_at),
        answered_as=model.answered_as,
        can_take_out=not model.forced,
        can_put_back=model.forced or model.state != "closed" or model.misconfigured != "",
    )


def _state(model: ModelHealth) -> tuple[str, str]:
    """Its state in a word or two, and how serious that is. What a person did comes before what the breaker found."""
    if not model.enabled:
        return "disabled", "plain"
    if model.forced:
        return "out of service", "bad"
    if model.misconfigured:
        return "misconfigured", "bad"
    return WORDS[model.state], TONES[model.state]


def _seconds_until(moment: datetime | None) -> int:
    return -1 if moment is None else max(0, math.ceil((moment - now()).total_seconds()))
