"""The Docker engine: the only place that speaks to it. Everything here blocks; callers use threads."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import docker
import structlog
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from urllib3.exceptions import HTTPError

from backend.core.embedded.processes import start_time
from backend.core.settings import Settings, get_settings
from backend.sandbox import frames, policy
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.schemas import Limits

log = structlog.get_logger(__name__)

ANSWER = 60
"""Seconds that the engine gets for a call; building an image has a limit of its own."""
BOOT = 20.0
"""Seconds that the runner gets to say that it is ready."""
OLDEST = 3600
"""Seconds after which a container is a stray whoever made it: none is used for so long."""
DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
GONE, BEING_REMOVED = 404, 409
KILLED = 137
"""Exit status of what a SIGKILL ended. `OOMKilled` alone may be about one of the runner's children."""
EVENTS = ("create", "start", "oom", "kill", "die", "destroy")


@dataclass(slots=True, eq=False)
class Container:
    """A container whose runner is ready, and the stream to it."""

    id: str
    name: str
    limits: Limits
    image: str
    """The image's digest."""
    attached: Any = None
    made: float = field(default_factory=time.time)
    alive: bool = True
    destroyed: bool = False
    """Whether its sandbox has given its place away already."""

    @property
    def stream(self) -> socket.socket:
        """The socket under the SDK's file."""
        return getattr(self.attached, "_sock", self.attached)  # type: ignore[no-any-return]

    @property
    def waits(self) -> bool:
        """Whether its runner, which was asked nothing, is still there to be asked: a dead one's stream has ended."""
        if not self.alive:
            return False
        poller = select.poll()
        poller.register(self.stream, select.POLLIN)
        return not poller.poll(0)

    def exchange(self, request: dict[str, Any], seconds: float, most: int) -> dict[str, Any]:
        """Send a request and wait for its answer. Raises `frames.Broken`; the container is of no use after that."""
        try:
            frames.send(self.stream, request, seconds)
            return frames.receive(self.stream, seconds, most)
        except frames.Broken:
            self.alive = False
            raise

    def hang_up(self) -> None:
        """Close the stream; whoever waits for an answer hears that it is over."""
        self.alive = False
        if self.attached is None:
            return
        stream = self.stream
        with suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)
        self.attached.close()
        stream.close()
        self.attached = None


class Engine:
    """Calls to the engine that the settings name. Every problem with it is a `SandboxUnavailable`."""

    held: ClassVar[set[str]] = set()
    """Names of containers that this process makes, uses, or hasn't yet tried to remove."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or get_settings()
        self._client: docker.APIClient | None = None

    @property
    def api(self) -> docker.APIClient:
        """The connection, opened at first use."""
        if self._client is None:
            options = kwargs_from_env()
            if self._settings.docker_host:
                options["base_url"] = self._settings.docker_host
            _knock(options.get("base_url") or DEFAULT_ADDRESS)
            self._client = docker.APIClient(version="auto", timeout=ANSWER, max_pool_size=32, **options)
        return self._client

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def info(self) -> dict[str, Any]:
        """What the engine says of itself."""
        with troubles_told("info"):
            return dict(self.api.info())

    def create(self, image: str, limits: Limits) -> Container:
        """A running container whose runner is ready: some 300 ms."""
        name = f"stoa-box-{uuid4().hex}"
        self.held.add(name)
        try:
            with troubles_told("create"):
                container = Container(self._created(name, image, limits), name, limits, image)
                return self._started(container)
        except BaseException:
            self.held.discard(name)  # whatever there is of it is a stray
            raise

    def _created(self, name: str, image: str, limits: Limits) -> str:
        options = policy.host_options(limits, self._settings.sandbox_runtime)
        made = self.api.create_container(
            image,
            name=name,
            user=policy.USER,
            stdin_open=True,
            hostname="box",
            labels={policy.LABEL: policy.owner()},
            stop_signal="SIGKILL",  # an engine that ends or begins would give each ten seconds
            host_config=self.api.create_host_config(**options),
        )
        return str(made["Id"])

    def _started(self, container: Container) -> Container:
        """Attach first, then start, then wait for the runner."""
        try:
            container.attached = self.api.attach_socket(container.id, {"stdin": 1, "stdout": 1, "stream": 1})
            self.api.start(container.id)
            frames.receive(container.stream, BOOT, 1000)
        except BaseException as error:
            container.hang_up()
            self._remove(container.id)
            if isinstance(error, frames.Broken):
                log.warning("sandbox_runner_not_ready", error=str(error))
                raise SandboxUnavailable from error
            raise
        return container

    def give_memory(self, container: Container, limits: Limits) -> None:
        """Change how much memory a container that has run nothing yet may use."""
        with troubles_told("update"):
            size = limits.memory_mb * policy.MEGABYTE
            self.api.update_container(container.id, mem_limit=size, memswap_limit=size)
        container.limits = limits

    def runs(self, container: Container) -> bool:
        """Whether a container that waits is still there."""
        with troubles_told("inspect"):
            try:
                return bool(self.api.inspect_container(container.id)["State"]["Running"])
            except NotFound:
                return False

    def ran_out_of_memory(self, container: Container) -> bool:
        """Whether the container itself ended because the kernel killed its runner for want of memory."""
        with troubles_told("inspect"):
            state = self.api.inspect_container(container.id)["State"]
        return bool(state["OOMKilled"]) and state["ExitCode"] == KILLED

    def destroy(self, container: Container) -> None:
        """Hang up first, then kill, then remove: the other way round the engine may wait a minute for its stream."""
        container.hang_up()
        try:
            with troubles_told("destroy"):
                self._remove(container.id)
        finally:
            self.held.discard(container.name)

    def events(self, container: Container) -> list[dict[str, Any]]:
        """What the engine noted of a container, as far as it still remembers."""
        with troubles_told("events"):
            stream = self.api.events(
                since=int(container.made) - 1,
                until=int(time.time()) + 1,
                filters={"container": [container.id], "event": list(EVENTS)},
                decode=True,
            )
            return [{"event": each["Action"], "at": each["timeNano"] / 1e9} for each in stream]

    def remove_strays(self) -> int:
        """Remove what no process holds, and what is older than any run; how many containers there were."""
        with troubles_told("sweep", log.debug):
            found = self.api.containers(all=True, filters={"label": policy.LABEL})
            strays = [each["Id"] for each in found if is_stray(each)]
            for stray in strays:
                self._remove(stray)
        if strays:
            log.warning("sandbox_strays_removed", count=len(strays))
        return len(strays)

    def _remove(self, container_id: str) -> None:
        try:
            self.api.remove_container(container_id, force=True, v=True)
        except APIError as error:
            if error.status_code not in (GONE, BEING_REMOVED):
                raise


def _knock(address: str) -> None:
    """Raises `OSError` when nobody listens at a Unix socket: the SDK would leave the one it tried with open."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as tried:
            tried.connect(address.removeprefix("unix://"))


def is_stray(listed: dict[str, Any]) -> bool:
    """Whether nobody will remove this container but a sweep: its maker is gone, or has let go of it."""
    if time.time() - listed["Created"] > OLDEST:
        return True
    owner = str(listed["Labels"][policy.LABEL])
    if owner == policy.owner():
        return not {name.removeprefix("/") for name in listed["Names"]} & Engine.held
    host, pid, started, *_ = *owner.split(" "), "", "", ""
    return bool(host == socket.gethostname() and pid.isdigit() and start_time(int(pid)) != started)


@contextmanager
def troubles_told(step: str, tell: Callable[..., object] = log.warning) -> Iterator[None]:
    """Problems with the engine become `SandboxUnavailable`; what they were stands in the log."""
    try:
        yield
    except (DockerException, HTTPError, OSError) as error:
        tell("sandbox_engine_failed", step=step, error=f"{type(error).__name__}: {error}"[:500])
        raise SandboxUnavailable from error
