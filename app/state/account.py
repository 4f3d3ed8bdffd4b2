"""The account page: the look, and where one is signed in."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend.access import choose_theme, end_session, list_sessions
from backend.core.errors import NotFound, StoaError
from backend.core.ids import parse_id


class SessionItem(TypedDict):
    """A signed-in browser."""

    id: str
    device: str
    address: str
    seen_at: str
    current: bool


class AccountState(Session):
    """The person's sessions."""

    sessions: list[SessionItem] = []
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        try:
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def set_theme(self, theme: str) -> None:
        """Change the look, here and wherever the person signs in."""
        await choose_theme(acting(), theme)
        self.theme = theme

    @rx.event
    async def end(self, session_id: str) -> None:
        """Sign out of one browser."""
        target = parse_id(session_id)
        if target is None:
            raise NotFound
        await end_session(acting(), target)
        await self._refresh()
        self._tell("Signed out there.")

    async def _refresh(self) -> None:
        self.sessions = [
            SessionItem(
                id=str(each.id),
                device=describe(each.user_agent),
                address=each.address,
                seen_at=each.seen_at.isoformat(),
                current=each.current,
            )
            for each in await list_sessions(acting())
        ]


BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def describe(user_agent: str) -> str:
    """A user agent in words a person uses; the order of the tables matters, for every browser names the older ones."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or user_agent[:60] or "Unknown device"
