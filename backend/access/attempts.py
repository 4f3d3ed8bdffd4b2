"""How often somebody may try to sign in."""

from backend.core.errors import TooMany
from backend.core.settings import get_settings
from backend.core.windows import Limiter, Window, on_windows, window

ANY_ADDRESS_FACTOR = 10
"""An e-mail address may fail this many times more from everywhere than from one place: a guesser elsewhere should not
lock its owner out, and a crowd of guessers should not be free."""


async def refuse_when_too_many(email: str, address: str) -> None:
    """Count this attempt; raises `TooMany` when it is one too many."""
    settings = get_settings()
    email = email.lower()
    here = _window(settings.sign_in_attempts)
    anywhere = _window(settings.sign_in_attempts * ANY_ADDRESS_FACTOR)
    place = _window(settings.sign_in_attempts_per_address)

    async def attempt(limiter: Limiter) -> bool:
        return (
            await limiter.test(place, "address", address)
            and await limiter.hit(here, "pair", email, address)
            and await limiter.hit(anywhere, "email", email)
        )

    if not await on_windows(attempt):
        minutes = max(1, round(settings.sign_in_window / 60))
        raise TooMany(
            f"Too many attempts. Please wait {minutes} minute{'s' if minutes > 1 else ''} and try again.",
            retry_after=settings.sign_in_window,
        )


async def note_failure(address: str) -> None:
    """Count a wrong password against the place it came from. Right ones don't count: a class shares one address."""
    place = _window(get_settings().sign_in_attempts_per_address)
    await on_windows(lambda limiter: limiter.hit(place, "address", address))


async def forget_attempts(email: str, address: str) -> None:
    """Start anew after a right password."""
    here = _window(get_settings().sign_in_attempts)
    await on_windows(lambda limiter: limiter.clear(here, "pair", email.lower(), address))


def _window(amount: int) -> Window:
    return window("sign-in", amount, get_settings().sign_in_window)
