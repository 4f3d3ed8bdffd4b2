"""Who is signed in. Every state that holds a person's data derives from `Session`, and is emptied when that changes."""

from contextvars import ContextVar
from typing import Any, TypedDict, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

import reflex as rx
import structlog
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.constants import CompileVars
from reflex_base.event import Event, EventSpec, get_event
from reflex_base.event.context import EventContext

from backend.access import ANONYMOUS, Actor, actor_for
from backend.api import token_in
from backend.core.errors import NotSignedIn, StoaError, Unavailable

log = structlog.get_logger(__name__)

_acting: ContextVar[Actor] = ContextVar("acting", default=ANONYMOUS)


def acting() -> Actor:
    """The person behind the event being handled; nobody outside of one."""
    return _acting.get()


class ToastItem(TypedDict):
    """A short message; `nonce` is new each time, `tone` is plain or bad, `href` leads to more of it."""

    nonce: str
    text: str
    tone: str
    href: str


class Session(rx.State):
    """The signed-in person, as pages show them."""

    person: str = ""
    name: str = ""
    email: str = ""
    theme: str = ""
    """Empty until known, so that nobody's choice overwrites what the browser remembers."""
    is_administrator: bool = False
    problem: str = ""
    """Why the page has nothing to show, in a sentence; empty when it has."""

    toast: ToastItem = {"nonce": "", "text": "", "tone": "plain", "href": ""}

    @rx.event
    async def tell(self, text: str, tone: str = "bad") -> None:
        """Show a short message in this tab."""
        self._tell(str(text)[:500], tone)

    def _tell(self, text: str, tone: str = "plain", href: str = "") -> None:
        self.toast = ToastItem(nonce=uuid4().hex, text=text, tone="bad" if tone == "bad" else "plain", href=href)

    def _take(self, actor: Actor) -> None:
        self.person = str(actor.person_id or "")
        self.name = actor.name
        self.email = actor.email
        self.theme = actor.theme
        self.is_administrator = actor.is_administrator

    def _argument(self, name: str) -> str:
        """A dynamic part of the page's address."""
        return str(getattr(self, name, "") or "")

    def _refusal(self, error: StoaError) -> Any:
        """What a page does when it can't be opened: to the sign-in page, or say why."""
        if isinstance(error, NotSignedIn):
            return to_sign_in(self.router.url.path)
        self.problem = error.message
        return None


def to_sign_in(path: str) -> Any:
    """Send the browser to the sign-in page, to come back to `path`."""
    return rx.redirect(f"/login?next={quote(path)}")


BOOT = (CompileVars.HYDRATE, CompileVars.HYDRATE_AND_LOAD)
"""The events that begin a page: what they send is all that the tab's state holds."""


class Identity(Middleware):
    """Before every event: who acts? When that isn't who acted before in this tab, everything held is dropped first.

    State outlives a sign-out in its tab and is sent whole at the next page load: without this, the next person's
    browser would be sent the last one's data.
    """

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Note the actor for the handlers of this event; never answers the event itself."""
        structlog.contextvars.bind_contextvars(request_id=EventContext.get().txid, handler=event.name)
        _acting.set(ANONYMOUS)
        session = await state.get_state(Session)
        try:
            actor = await actor_for(token_in(state.router.headers.cookie))
        except Unavailable as error:
            if event.name == f"{Session.get_full_name()}.tell":
                return None  # it says that Postgres is away: raising here would make `explain` send another, for ever
            if event.name not in {get_event(state, name) for name in BOOT}:
                raise
            session.reset()  # type: ignore[no-untyped-call]
            session.problem = error.message
            return None
        if session.person != str(actor.person_id or ""):
            session.reset()  # type: ignore[no-untyped-call]
        if (session.person, session.name, session.theme) != (str(actor.person_id or ""), actor.name, actor.theme):
            session._take(actor)
        _acting.set(actor)
        return None


def explain(exception: Exception) -> EventSpec:
    """What the browser shows when a handler raised: our own sentences as they are, nothing of anything else.

    Reflex calls this from a task of its own, where of the event nothing is left but its `EventContext`.
    """
    context = EventContext.get()
    if isinstance(exception, NotSignedIn):
        return cast(EventSpec, to_sign_in(urlsplit(str(context.router_data.get("asPath", "/"))).path))
    if isinstance(exception, StoaError):
        return _told(exception.message)
    log.error("event_crashed", exc_info=exception, request_id=context.txid)
    return _told(StoaError.message)


def _told(text: str) -> EventSpec:
    tell: Any = Session.tell
    return cast(EventSpec, tell(text))
