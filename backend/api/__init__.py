"""The HTTP API: sign-in, turns with server-sent events, health, metrics."""

from backend.api.app import create_api, lifespan
from backend.api.identity import TYPED_EMAIL_COOKIE, cookie_in, token_in
from backend.api.security import Guard, page_script_hashes
from backend.api.sessions import local_path

__all__ = [
    "TYPED_EMAIL_COOKIE",
    "Guard",
    "cookie_in",
    "create_api",
    "lifespan",
    "local_path",
    "page_script_hashes",
    "token_in",
]
