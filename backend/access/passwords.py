"""Passwords: argon2id, off the event loop, in constant time for people who don't exist."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

PASSWORD_MIN_LENGTH = 10
PASSWORD_MAX_LENGTH = 1_000
"""Long enough for any passphrase; hashing a megabyte would be a gift to attackers."""

_hasher = PasswordHash((Argon2Hasher(),))
_threads = ThreadPoolExecutor(2, thread_name_prefix="passwords")
"""Each hash takes 64 MiB and a core: a crowd at the door waits here, not in memory."""


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")


async def unusable_password() -> str:
    """The hash of a password that nobody knows: for people who can't sign in."""
    return await hash_password(secrets.token_urlsafe(32))


async def hash_password(password: str) -> str:
    """The argon2id hash of `password`."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def check_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Whether `password` fits, and a fresh hash when the parameters have moved on.

    `password_hash` None (nobody has that address) costs the same time and never fits.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _check, password, password_hash)


def _check(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    nobodys = _nobodys_hash()  # made at the first check, whoever comes first
    fits, fresh = _hasher.verify_and_update(password[:PASSWORD_MAX_LENGTH], password_hash or nobodys)
    return fits and password_hash is not None, fresh
