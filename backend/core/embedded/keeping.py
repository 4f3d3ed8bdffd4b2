"""Keeping children alive until a signal comes."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from backend.core.embedded.errors import CannotStart
from backend.core.embedded.services import Service

_LOOK = 0.2  # seconds between looks at the children
_CALM = 60.0  # a child that ran this long, in seconds, has recovered: its next restart is immediate again
_LONGEST_WAIT = 30.0  # seconds between restarts of a child that keeps ending

Say = Callable[[str], None]


def keep_alive(services: Sequence[Service], say: Say) -> None:
    """Restart whatever ends, each time after a longer wait until it stays up."""
    states = {service.name: _Restarts() for service in services}
    while True:
        for service in services:
            restarts = states[service.name]
            if service.alive or not restarts.due(say, service.name):
                continue
            try:
                service.restart()
            except CannotStart as error:
                say(str(error))
            restarts.done()
        time.sleep(_LOOK)


class _Restarts:
    """When a child that ended may start again."""

    def __init__(self) -> None:
        self._wait = 0.0
        self._started = time.monotonic()
        self._ended: float | None = None

    def due(self, say: Say, name: str) -> bool:
        now = time.monotonic()
        if self._ended is None:
            self._ended = now
            self._wait = 0.0 if now - self._started > _CALM else self._wait
            say(f"{name} ended; starting it again" + (f" in {self._wait:.0f} s." if self._wait else "."))
        return now - self._ended >= self._wait

    def done(self) -> None:
        self._started, self._ended = time.monotonic(), None
        self._wait = min(_LONGEST_WAIT, max(1.0, self._wait * 2))


@contextmanager
def signals_end_us() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into an orderly end; later ones don't disturb it."""
    signs = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_sign: int, _frame: FrameType | None) -> None:
        for sign in signs:
            signal.signal(sign, signal.SIG_IGN)
        raise _AskedToStop

    before = {sign: signal.signal(sign, end) for sign in signs}
    try:
        yield
    except _AskedToStop:
        pass
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


class _AskedToStop(BaseException):
    """A signal arrived; not an `Exception`, so that nothing on the way handles it as an error."""
