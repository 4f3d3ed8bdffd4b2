"""Passwords: argon2id, off the event loop, in constant time for people who don't exist."""

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

PASSWORD_MIN_LENGTH = 10
PASSWORD_MAX_LENGTH = 1_000
"""Long enough for any passphrase; hashing a megabyte would be a gift to attackers."""

_hasher = PasswordHash((Argon2Hasher(),))
_slots = asyncio.Semaphore(2)
"""Each hash takes 64 MiB and a core: a crowd at the door waits here, not in memory."""


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")


async def hash_password(password: str) -> str:
    """The argon2id hash of `password`."""
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def check_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Whether `password` fits, and a fresh hash when the parameters have moved on.

    `password_hash` None (nobody has that address) costs the same time and never fits.
    """
    async with _slots:
        fits, fresh = await asyncio.to_thread(
            _hasher.verify_and_update, password[:PASSWORD_MAX_LENGTH], password_hash or _nobodys_hash()
        )
    return fits and password_hash is not None, fresh
