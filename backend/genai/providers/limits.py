"""The time limits of one answer."""

import asyncio

from backend.genai.errors import Fault, ProviderUnavailable
from backend.genai.schemas import ModelSpec

TRAILER_SECONDS = 2.0
"""How long to wait for the usage figures and the end of the stream once the answer itself is whole."""


class TimeLimits:
    """Starts with the request. Silence is what we spend waiting on the model: a slow reader of the answer uses up
    the time for the whole only: `total_timeout`, or `time_limit` seconds where that is less."""

    def __init__(self, spec: ModelSpec, time_limit: float | None = None) -> None:
        self._total = min(spec.total_timeout, time_limit or spec.total_timeout)
        self._now = asyncio.get_running_loop().time
        self._spec = spec
        self._end = self._now() + self._total
        self._patience = spec.first_token_timeout
        self._fault = Fault.SILENT
        self._expecting = f"no token within {spec.first_token_timeout:g} s"
        self._waiting_since = 0.0

    def wait(self) -> float:
        """Waiting on the model begins: until when, in the event loop's time."""
        self._waiting_since = self._now()
        return min(self._waiting_since + self._patience, self._end)

    def heard_token(self) -> None:
        """A token came: the next one has `stall_timeout`."""
        self._patience = self._spec.stall_timeout
        self._fault = Fault.STALLED
        self._expecting = f"stalled: no further token within {self._spec.stall_timeout:g} s"

    def heard_noise(self) -> None:
        """Something came that is no token (headers, a ping): the silence goes on."""
        self._patience -= self._now() - self._waiting_since

    def answer_is_whole(self) -> None:
        """What may still follow has `TRAILER_SECONDS`."""
        self._patience = min(TRAILER_SECONDS, self._spec.stall_timeout)

    def exceeded(self) -> ProviderUnavailable:
        """The error for the limit that ran out."""
        if self._now() >= self._end:
            return ProviderUnavailable.by(Fault.OVERDUE, f"not finished within {self._total:.3g} s")
        return ProviderUnavailable.by(self._fault, self._expecting)
