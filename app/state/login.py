"""The sign-in page."""

from typing import Any
from urllib.parse import unquote

import reflex as rx

from app.state.session import Session, acting
from backend.access import PersonDisabled, WrongPassword
from backend.api import TYPED_EMAIL_COOKIE, cookie_in, local_path
from backend.core.errors import Invalid, StoaError, TooMany, Unavailable

PROBLEMS = {error.code: error.message for error in (WrongPassword, PersonDisabled, TooMany, Invalid, Unavailable)}


class LoginState(Session):
    """Why the last sign-in failed, and what was typed."""

    failure: str = ""
    typed_email: str = ""
    next: str = "/"

    @rx.event
    async def load(self) -> Any:
        """Show the page, or go on when somebody is signed in already."""
        asked = dict(self.router.url.query_parameters)
        self.next = local_path(asked.get("next", "/"))
        if acting().signed_in:
            return rx.redirect(self.next)
        code = asked.get("problem", "")
        self.failure = PROBLEMS.get(code, StoaError.message) if code else ""
        self.typed_email = unquote(cookie_in(self.router.headers.cookie, TYPED_EMAIL_COOKIE) or "")
        return None
