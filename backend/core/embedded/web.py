"""The web process: pages, websocket and API of a finished build on one port, in one process and one event loop.

Granian's embedded server runs in our main thread, so that children started by a request (the local model) live as
long as this process, and so that we can end open streams ourselves: Granian waits for them without limit.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from backend.core.embedded.errors import CannotStart
from backend.core.embedded.frontend import reflex_environment, source_folder
from backend.core.embedded.ports import why_unusable
from backend.core.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PATIENCE = 1.0  # seconds that requests get to finish by themselves
_CONNECTIONS = 10_000  # answered at once; every open page holds a websocket, every streaming answer one more
LIMIT = 4.5  # seconds after which the process leaves whatever still hangs


def serve(settings: Settings, build: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises `CannotStart` when the port can't be used."""
    if reason := why_unusable(settings.port, settings.host):
        raise CannotStart(reason)
    import uvloop

    application = load_application(settings, build)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(application, settings))


def load_application(settings: Settings, build: Path) -> Application:
    """The Reflex app of this project as an ASGI application that also serves `build`, without compiling anything."""
    os.environ.update(reflex_environment(settings, build))
    os.chdir(source_folder(build))
    sys.path.insert(0, str(source_folder(build)))

    from reflex.environment import environment
    from reflex.utils.prerequisites import get_app

    environment.REFLEX_SKIP_COMPILE.set(True)
    environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
    application: Application = get_app().app()
    return application


async def _serve(application: Application, settings: Settings) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    requests = _Requests(application)
    server = Server(
        requests,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        backlog=1024,
        backpressure=_CONNECTIONS,
        log_level=LogLevels.error,  # its warning that embedding is experimental is not news
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},  # to our handler, which masks secrets
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        requests.ending = True
        server.stop()  # type: ignore[no-untyped-call]
        loop.call_later(PATIENCE, requests.cancel)
        loop.call_later(LIMIT, os._exit, 0)

    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, stop)
    await server.serve()


class _Requests:
    """The application and the requests it is answering: streams and websockets end when their task is cancelled."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._open: set[asyncio.Task[Any]] = set()
        self.ending = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None or scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        self._open.add(task)
        try:
            await self._application(scope, receive, send)
        except asyncio.CancelledError:
            if not self.ending:
                raise
        finally:
            self._open.discard(task)

    def cancel(self) -> None:
        for task in list(self._open):
            task.cancel()
