"""How long a job waits before its next attempt: exponential backoff with full jitter.

After Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): a uniform draw from zero to the
bound spreads retries best.
"""


def bound(attempt: int, base: float, cap: float) -> float:
    """The longest wait in seconds after the `attempt`-th failure, counted from 1: doubles from `base` up to `cap`."""
    return min(cap, base * 2.0 ** min(attempt - 1, 64))


def delay(attempt: int, drawn: float, *, base: float, cap: float, retry_after: float | None = None) -> float:
    """Seconds to wait after the `attempt`-th failure. `drawn` is a uniform random number in [0, 1).

    A provider's Retry-After is a lower bound, itself capped at `cap`: no job waits for ever because a server said so.
    """
    asked = min(cap, max(0.0, retry_after or 0.0))
    return max(asked, drawn * bound(attempt, base, cap))
