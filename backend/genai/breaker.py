"""A model's circuit breaker: one immutable record, and what follows from it at a moment. No clock, no I/O.

The record is what processes share. Whether the breaker is open is computed from it and the time, so it recovers even
when no request comes. Moments are seconds since the epoch.
"""

import json
import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from backend.genai.schemas import BreakerPolicy

MAX_SAMPLES = 100
"""Answers that are remembered: a busy model is judged by its latest ones, not by all of the window."""
GOOD_PROBES = 3
"""Probes in a row that must succeed before everybody is let through again."""
LONGEST_COOLDOWN = 300.0
"""Seconds at which doubling ends."""


class State(StrEnum):
    """closed → open → (cooldown) → half_open → closed, or open again for twice as long."""

    CLOSED = "closed"
    """Everybody is let through."""
    OPEN = "open"
    """Nobody is."""
    HALF_OPEN = "half_open"
    """One probe at a time is."""


class Verdict(StrEnum):
    """What an answer says of its model."""

    GOOD = "good"
    """It answered, if only with a refusal of this request."""
    ERROR = "error"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer that ended: when, how, and after how many seconds its first token came."""

    at: float
    verdict: Verdict
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a model's answers."""

    samples: tuple[Sample, ...] = ()
    opened_at: float | None = None
    cooldown: float = 0.0
    probe: str = ""
    """Whose probe is under way, and until when it counts: its process may have died."""
    probe_until: float = 0.0
    good_probes: int = 0
    forced: bool = False
    """Opened by hand: until it is closed by hand."""
    misconfigured: str = ""
    """What the provider said of key, permission or model name; until a request succeeds."""
    last_error: str = ""
    last_error_at: float | None = None
    answered_as: str = ""
    """The model that the last answer named, when it wasn't the pinned one."""

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """The record that `encode` wrote; a new one for None, and for what another version of Stoa wrote."""
        try:
            held: dict[str, Any] = json.loads(text) if text else {}
            samples = tuple(Sample(at, _VERDICTS[verdict], first) for at, verdict, first in held.pop("samples", ()))
            found = cls(samples=samples, **held)
            found.next_probe_at(0.0)  # fields of another type are another version's
            return found
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    @staticmethod
    def is_closed(text: str | None) -> bool:
        """Whether the record `text` lets everybody through, without reading all of it: asked before each request."""
        return text is None or '"opened_at"' not in text

    def encode(self) -> str:
        """The record as text."""
        held = {name: value for name in _HEAD if (value := getattr(self, name))}
        samples = [(each.at, each.verdict, each.first_token) for each in self.samples]
        return json.dumps({**held, "samples": samples})

    def state(self, now: float) -> State:
        """Who is let through."""
        if self.opened_at is None:
            return State.CLOSED
        return State.OPEN if self.forced or now < self.opened_at + self.cooldown else State.HALF_OPEN

    def next_probe_at(self, now: float) -> float | None:
        """When somebody may try again; None when everybody may, or nobody before it is closed by hand."""
        if self.opened_at is None or self.forced:
            return None
        return max(now, self.opened_at + self.cooldown, self.probe_until if self.probe else 0.0)

    def admit(self, token: str, now: float, lease: float) -> Self | None:
        """The record once `token` is let through; None when it isn't. A probe counts for `lease` seconds."""
        match self.state(now):
            case State.CLOSED:
                return self
            case State.HALF_OPEN if not self.probe or now >= self.probe_until:
                return replace(self, probe=token, probe_until=now + lease)
        return None

    def record(self, policy: BreakerPolicy, sample: Sample, token: str) -> Self:
        """The record after the request `token` was answered like this."""
        if self.forced:
            return self._without_probe(token)
        if self.probe == token:
            return self._probed(policy, sample)
        if self.opened_at is not None:
            return self  # it began before the breaker opened, and says nothing about now
        latest = (*self.samples, sample)[-MAX_SAMPLES:]
        grown = replace(self, samples=tuple(each for each in latest if each.at > sample.at - policy.window))
        if sample.verdict is Verdict.GOOD:
            grown = replace(grown, misconfigured="")
        return grown._open(sample.at, policy.cooldown) if grown.is_failing(policy) else grown

    def misconfigure(self, policy: BreakerPolicy, said: str, token: str, now: float) -> Self:
        """The record after the provider refused our key, permission or model name: it opens at once."""
        cooldown = self._doubled(policy) if self.probe == token else max(self.cooldown, policy.cooldown)
        return replace(self, misconfigured=said)._open(now, cooldown)

    def release(self, token: str) -> Self:
        """The record after `token` was cancelled: a probe that says nothing."""
        return self._without_probe(token)

    def note_error(self, said: str, now: float) -> Self:
        """The record with the last error."""
        return replace(self, last_error=said, last_error_at=now)

    def opened_by_hand(self, now: float) -> Self:
        """The record of a model that somebody took out of service."""
        return replace(self, forced=True, opened_at=now, probe="", good_probes=0)

    def closed_by_hand(self) -> Self:
        """The record of a model that somebody put back: as if nothing had been."""
        return type(self)(last_error=self.last_error, last_error_at=self.last_error_at, answered_as=self.answered_as)

    def passed_test(self) -> Self:
        """The record of a model that answered an administrator's test; by hand it stays out of service."""
        return replace(self, misconfigured="") if self.forced else self.closed_by_hand()

    def is_failing(self, policy: BreakerPolicy) -> bool:
        """Whether enough samples say so: errors, refusals for the rate, or slow first tokens."""
        count = len(self.samples)
        if count < policy.min_samples:
            return False
        errors, limited = self.rate(Verdict.ERROR), self.rate(Verdict.RATE_LIMITED)
        return (
            (errors > 0 and errors >= policy.error_rate)
            or (limited > 0 and limited >= policy.rate_limit_rate)
            or self._is_slow(policy)
        )

    def within(self, window: float, now: float) -> Self:
        """The record with the samples that are still in the window: for who looks long after the last answer."""
        return replace(self, samples=tuple(each for each in self.samples if each.at > now - window))

    def rate(self, verdict: Verdict) -> float:
        """The part of the samples, 0..1, that ended so."""
        return sum(each.verdict is verdict for each in self.samples) / max(len(self.samples), 1)

    def first_token_p95(self) -> float | None:
        """Seconds to the first token that 95 % of the answers stayed within (nearest rank); None without any."""
        times = sorted(each.first_token for each in self.samples if each.first_token is not None)
        return times[math.ceil(0.95 * len(times)) - 1] if times else None

    def _is_slow(self, policy: BreakerPolicy) -> bool:
        timed = sum(each.first_token is not None for each in self.samples)
        p95 = self.first_token_p95()
        limit = policy.first_token_p95
        return limit is not None and p95 is not None and timed >= policy.min_samples and p95 > limit

    def _probed(self, policy: BreakerPolicy, sample: Sample) -> Self:
        limit = policy.first_token_p95
        slow = limit is not None and sample.first_token is not None and sample.first_token > limit
        if sample.verdict is not Verdict.GOOD or slow:
            return self._open(sample.at, self._doubled(policy))
        if self.good_probes + 1 >= GOOD_PROBES:
            return replace(self.closed_by_hand(), samples=(sample,))
        return replace(self, probe="", probe_until=0.0, good_probes=self.good_probes + 1, misconfigured="")

    def _open(self, now: float, cooldown: float) -> Self:
        return replace(self, opened_at=now, cooldown=cooldown, probe="", probe_until=0.0, good_probes=0, samples=())

    def _doubled(self, policy: BreakerPolicy) -> float:
        return min(self.cooldown * 2, max(LONGEST_COOLDOWN, policy.cooldown))

    def _without_probe(self, token: str) -> Self:
        return replace(self, probe="", probe_until=0.0) if self.probe == token else self


_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_HEAD = [each.name for each in fields(Breaker) if each.name != "samples"]
