"""Secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from `SECRET_KEY`."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.core.errors import Unavailable
from backend.core.settings import get_settings


@lru_cache(maxsize=2)
def _fernet(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"stoa secrets at rest").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def _current() -> Fernet:
    secret = get_settings().secret_key
    if secret is None:
        raise Unavailable("SECRET_KEY is not set, so stored keys can't be read.")
    return _fernet(secret.get_secret_value())


def encrypt(plain: str) -> bytes:
    """`plain`, unreadable without `SECRET_KEY`."""
    return _current().encrypt(plain.encode())


def decrypt(sealed: bytes) -> str:
    """What `encrypt` sealed. Raises `Unavailable` when `SECRET_KEY` has changed since."""
    try:
        return _current().decrypt(sealed).decode()
    except InvalidToken as error:
        raise Unavailable("A stored key can't be read: SECRET_KEY has changed since it was saved.") from error
