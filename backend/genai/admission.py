"""May this model be asked now, and what does its answer say of it: breaker, places and rates that processes share."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from backend.core.ids import new_id
from backend.core.settings import get_settings
from backend.core.tasks import to_the_end
from backend.core.telemetry import ADMISSIONS, BREAKER_CHANGES
from backend.genai.breaker import Breaker, Sample, State, Verdict
from backend.genai.errors import AuthenticationFailed, Cancelled, CompletionError, ProviderUnavailable, RateLimited
from backend.genai.schemas import ModelSpec, RateLimits
from backend.genai.shared import LEASE, UNLIMITED, get_shared
from backend.genai.walk import Refusal

log = structlog.get_logger(__name__)

FULL_WAIT = 2.0
"""Seconds after which a full model is worth another try: answers take some."""


def breaker_key(model_id: UUID) -> str:
    """Where a model's breaker is shared."""
    return f"stoa:breaker:{model_id}"


def room_of(model_id: UUID) -> str:
    """Where a model's answers under way are counted."""
    return f"stoa:in-flight:{model_id}"


_pool = "web"


def use_pool(name: str) -> None:
    """Count this process's answers with those of the pool `name`, from now on; at first it is one of the web's."""
    global _pool  # noqa: PLW0603 - what a process is for doesn't change
    _pool = name


async def admit(spec: ModelSpec, together: RateLimits) -> "Ticket | Refusal":
    """Let a request for `spec` through, or say why not. `together` is what its provider's models may take.

    A ticket has to be closed, whatever becomes of the request.
    """
    ticket = Ticket(spec, together)
    taking = asyncio.create_task(ticket.take())
    try:
        refusal = await asyncio.shield(taking)  # a half-taken ticket could not be given back
    except BaseException:
        await to_the_end(ticket.give_back_after(taking))
        raise
    ADMISSIONS.labels(spec.name, refusal.reason if refusal else "admitted").inc()
    return refusal or ticket


@dataclass(frozen=True, slots=True)
class _Rate:
    name: str
    per_minute: int


class Ticket:
    """A request that was let through to a model."""

    def __init__(self, spec: ModelSpec, together: RateLimits) -> None:
        self._spec = spec
        self._together = together
        self._token = str(new_id())
        self._probing = False

    async def take(self) -> Refusal | None:
        """Pass the breaker, take a place, count the request. Why not, if not; then nothing is taken."""
        shared, spec = get_shared(), self._spec
        if refusal := await self._pass_breaker():
            return refusal
        if full := await shared.enter(self._rooms(), self._token):
            await self._release_probe()
            return Refusal("full" if full == room_of(spec.id) else "limited", FULL_WAIT)
        for rate in (*self._rates("tokens"), *self._rates("requests")):
            if not await shared.may(rate.name, rate.per_minute):
                return await self._limited(rate)
        for rate in self._rates("requests"):
            if not await shared.use(rate.name, rate.per_minute):
                return await self._limited(rate)
        return None

    async def close(
        self, error: BaseException | None, first_token: float | None, tokens: int, answered_as: str | None
    ) -> None:
        """The request ended, well or with `error`: give its place back and note what that says of the model.

        `first_token` in seconds; `tokens` is input and output; `answered_as` is what the response called its model.
        """
        with suppress(Exception):
            for rate in self._rates("tokens"):
                await get_shared().use(rate.name, rate.per_minute, max(tokens, 1))
        await get_shared().leave(self._token)
        await self._change(lambda held: self._judged(held, error, first_token, answered_as))

    async def give_back_after(self, taking: "asyncio.Task[Refusal | None]") -> None:
        """Nobody waits for the ticket any more: once it is taken, give it back."""
        await asyncio.wait([taking])
        await self.give_back()

    async def give_back(self) -> None:
        """Nothing was asked after all."""
        await get_shared().leave(self._token)
        await self._release_probe()

    async def _pass_breaker(self) -> Refusal | None:
        key, spec = breaker_key(self._spec.id), self._spec
        [text] = await get_shared().read([key])
        if Breaker.is_closed(text):
            return None
        held, now = Breaker.decode(text), time.time()
        if held.state(now) is State.HALF_OPEN:
            before, after = await self._change(lambda each: each.admit(self._token, now, LEASE + spec.total_timeout))
            self._probing = after.probe == self._token
            if self._probing or after.state(now) is State.CLOSED:
                return None
            held = before
        at = held.next_probe_at(now)
        return Refusal("open", None if at is None else max(at - now, 1.0))

    async def _limited(self, rate: _Rate) -> Refusal:
        await self.give_back()
        return Refusal("limited", await get_shared().wait_for(rate.name, rate.per_minute))

    async def _release_probe(self) -> None:
        if self._probing:
            await self._change(lambda held: held.release(self._token))

    def _judged(
        self, held: Breaker, error: BaseException | None, first_token: float | None, answered_as: str | None
    ) -> Breaker:
        now, policy = time.time(), self._spec.breaker
        if isinstance(error, Cancelled):
            return held.release(self._token)
        if error is not None:
            held = held.note_error(_said(error), now)
        elif answered_as is not None:
            held = replace(held, answered_as="" if answered_as == self._spec.model else answered_as)
        if isinstance(error, AuthenticationFailed):
            return held.misconfigure(policy, _said(error), self._token, now)
        return held.record(policy, Sample(now, _verdict(error), first_token), self._token)

    async def _change(self, by: Callable[[Breaker], Breaker | None]) -> tuple[Breaker, Breaker]:
        before = after = Breaker()

        def change(text: str | None) -> str | None:
            nonlocal before, after
            before = Breaker.decode(text)
            after = by(before) or before
            return None if after is before else after.encode()

        await get_shared().change(breaker_key(self._spec.id), change)
        if (before.opened_at, before.good_probes) != (after.opened_at, after.good_probes):
            said = {"opened_at": after.opened_at, "cooldown": after.cooldown, "why": after.last_error}
            BREAKER_CHANGES.labels(self._spec.name, after.state(time.time()).value).inc()
            log.warning("breaker_changed", model=self._spec.name, state=after.state(time.time()).value, **said)
        return before, after

    def _rooms(self) -> dict[str, int]:
        """Names and sizes of the rooms this request stands in."""
        rooms = {room_of(self._spec.id): self._spec.limits.max_concurrent or UNLIMITED}
        if self._together.max_concurrent:
            rooms[f"stoa:in-flight:{self._spec.provider.value}"] = self._together.max_concurrent
        if pool := get_settings().completions_per_pool:
            rooms[f"stoa:in-flight:pool:{_pool}"] = pool
        return rooms

    def _rates(self, of: str) -> Sequence[_Rate]:
        """The limits per minute of `requests` or `tokens`: the model's, and its provider's."""
        found = (
            (str(self._spec.id), getattr(self._spec.limits, f"{of}_per_minute")),
            (self._spec.provider.value, getattr(self._together, f"{of}_per_minute")),
        )
        return [_Rate(f"{of}:{name}", per_minute) for name, per_minute in found if per_minute]


async def change_breaker(model_id: UUID, by: Callable[[Breaker], Breaker]) -> None:
    """Change a model's breaker from outside of its answers."""
    await get_shared().change(breaker_key(model_id), lambda text: by(Breaker.decode(text)).encode())


def _verdict(error: BaseException | None) -> Verdict:
    if isinstance(error, RateLimited):
        return Verdict.RATE_LIMITED
    refused_this_request = isinstance(error, CompletionError) and not isinstance(error, ProviderUnavailable)
    return Verdict.GOOD if error is None or refused_this_request else Verdict.ERROR


def _said(error: BaseException) -> str:
    """The error in the provider's own words, without secrets: `CompletionError.detail` holds none."""
    if not isinstance(error, CompletionError):
        return type(error).__name__
    status = f" ({error.http_status})" if error.http_status else ""
    return f"{type(error).__name__}{status}: {error.detail}"[:300].removesuffix(": ")
