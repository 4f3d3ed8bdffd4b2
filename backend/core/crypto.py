"""Secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from `SECRET_KEY`.

Former keys (`STOA_OLD_SECRET_KEYS`) still read, and never write: `stoa rotate-key` makes them unnecessary.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.core.errors import Unavailable
from backend.core.masking import conceal
from backend.core.settings import get_settings


@lru_cache(maxsize=16)
def _fernet(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"stoa secrets at rest").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def _current() -> Fernet:
    secret = get_settings().secret_key
    if secret is None:
        raise Unavailable("SECRET_KEY is not set, so stored keys can't be read.")
    return _fernet(secret.get_secret_value())


def encrypt(plain: str) -> bytes:
    """`plain`, unreadable without `SECRET_KEY`. From now on logs mask it."""
    conceal(plain)
    return _current().encrypt(plain.encode())


def decrypt(sealed: bytes) -> str:
    """What `encrypt` sealed, now or under a former key; from now on logs mask it.

    Raises `Unavailable` when it was sealed under a key that isn't set any more.
    """
    for fernet in (_current(), *map(_fernet, get_settings().former_secret_keys)):
        try:
            plain = fernet.decrypt(sealed).decode()
        except InvalidToken:
            continue
        conceal(plain)
        return plain
    raise Unavailable("A stored key can't be read: SECRET_KEY has changed since it was saved.")


def is_current(sealed: bytes) -> bool:
    """Whether `SECRET_KEY` itself reads `sealed`, without the help of a former one."""
    try:
        _current().decrypt(sealed)
    except InvalidToken:
        return False
    return True
