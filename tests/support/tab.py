"""A browser's tab without a browser: it speaks to the real app's event namespace, as the websocket does."""

import asyncio
import inspect
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from reflex.app import _sio_dumps
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState, State
from reflex_base.event.processor.future import EventFuture


def callers() -> list[inspect.FrameInfo]:
    """What `inspect.stack` says, without looking for anybody's source."""
    found, frame = [], sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        found.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
        frame = frame.f_back
    return found


with patch.object(inspect, "stack", callers):  # rx.asset asks for its caller, 60 times: our stack is deep
    from app.app import app


MOST_EVENTS = 60
"""More than any page causes by one event."""


@dataclass(slots=True)
class Told:
    """What the browser was sent in answer to one event."""

    wire: str = ""
    """All of it, as it went over the wire."""
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Changed vars, by state ("tutor_state") and name."""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Events for the browser itself."""

    def __getitem__(self, place: str) -> Any:
        """A changed var, as in "tutor_state.messages"; None when it wasn't sent."""
        state, _, name = place.partition(".")
        return self.changes.get(state, {}).get(name)

    @property
    def redirect(self) -> str:
        """Where the browser is sent; empty when it stays."""
        return next((str(payload["path"]) for name, payload in self.events if name == "_redirect"), "")

    @property
    def refusal(self) -> str:
        """The sentence that says why not: as a short message, in place of the page, beside the tutor or below code."""
        toast, problem = self["session.toast"], self["session.problem"]
        failure = self["tutor_state.failure"] or self["exercise_state.failure"]
        told = toast["text"] if toast and toast["tone"] == "bad" else ""
        return told or problem or (failure or {}).get("message", "")


class Tab:
    """One tab. Its state outlives its connections, as in the browser's session storage."""

    def __init__(self) -> None:
        self.token = str(uuid4())
        self._sid = ""
        self._path = "/"
        self._query: dict[str, str] = {}
        self.claims: dict[str, Any] = {}
        """Said about the connection with each event, as only a forged page would."""
        self._told = Told()
        self._futures: list[EventFuture] = []

    async def connect(self, cookie: str = "", *, headers: dict[str, str] | None = None) -> None:
        """Open the websocket, as a page load does."""
        space = app.event_namespace
        assert space is not None
        if self._sid:
            await space.on_disconnect(self._sid)
        self._sid = uuid4().hex
        sent = {"cookie": cookie, "origin": "http://localhost:3000", **(headers or {})}
        scope = {"headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value]}
        await space.on_connect(self._sid, {"asgi.scope": scope, "QUERY_STRING": f"token={self.token}"})

    async def load(self, path: str, **query: str) -> Told:
        """Load a page: hydrate, then its on_load events."""
        self._path, self._query = path, query
        return await self.send("reflex___state____state.hydrate_and_load")

    async def send(self, name: str, /, **payload: Any) -> Told:
        """Send an event by its full name, and wait for all it causes."""
        space, processor = app.event_namespace, app.event_processor
        assert space is not None
        self._told, self._futures = Told(), []
        enqueue = processor.enqueue

        async def enqueued(*given: Any, **named: Any) -> EventFuture:
            future = await enqueue(*given, **named)
            self._futures.append(future)
            return future

        async def emit(_event: str, update: Any, to: str, **_: Any) -> None:
            assert to == self._sid, "sent to another tab"
            self._note(update)

        where = {"pathname": self._path, "asPath": self._path, "query": dict(self._query), **self.claims}
        event = {"name": name, "payload": payload, "router_data": where}
        with patch.object(processor, "enqueue", enqueued), patch.object(space, "emit", emit):
            await space.on_event(self._sid, event)
            for future in self._futures:  # grows while events cause others
                assert len(self._futures) < MOST_EVENTS, "events that cause each other without end"
                await asyncio.gather(future, return_exceptions=True)
        return self._told

    async def state(self) -> dict[str, dict[str, Any]]:
        """All that the tab's state would send at the next page load, by state."""
        async with app.state_manager.modify_state(BaseStateToken(ident=self.token, cls=State)) as root:
            found: dict[str, dict[str, Any]] = root.dict()
            return found

    @asynccontextmanager
    async def held(self, cls: type[BaseState]) -> AsyncIterator[Any]:
        """One of the tab's states, to look at or to change."""
        async with app.state_manager.modify_state(BaseStateToken(ident=self.token, cls=State)) as root:
            yield await root.get_state(cls)

    def _note(self, update: Any) -> None:
        wire = _sio_dumps(update)
        sent = json.loads(wire)
        self._told.wire += wire
        for state, changes in (sent.get("delta") or {}).items():
            held = self._told.changes.setdefault(state.rpartition("____")[2], {})
            held |= {name.removesuffix("_rx_state_"): value for name, value in changes.items()}
        self._told.events += [(event["name"], event["payload"]) for event in sent.get("events") or ()]


@asynccontextmanager
async def running_app() -> AsyncIterator[None]:
    """The app's event processor at work, with nobody's state in memory."""
    with app.set_contexts():
        app._state_manager = StateManagerMemory()
        async with app._setup_event_processor():
            yield
        await app._state_manager.close()
