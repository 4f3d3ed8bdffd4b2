"""A Docker engine of one test's own, which it may stop and kill: for root on Linux, where Debian's packages are."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from backend.core.embedded.processes import start_time
from backend.core.settings import get_settings
from backend.sandbox.engine import Engine
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.images import ensure_image, image_reference

PATIENCE = 60.0
"""Seconds that an engine gets to start or to stop."""


def why_no_private_engine() -> str | None:
    """What a test that stops its engine says where it can't have one."""
    if os.geteuid() != 0:
        return "only root starts a Docker engine"
    return None if shutil.which("dockerd") else "dockerd isn't installed"


class PrivateEngine:
    """`dockerd` in a folder, without a network, with the sandbox's image of the tests' own engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix://{folder}/docker.sock"
        (folder / "config.json").write_text("{}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self._folder
        paths = {"config-file": folder / "config.json", "data-root": folder / "data", "exec-root": folder / "exec"}
        options = [f"--{name}={path}" for name, path in {**paths, "pidfile": folder / "pid"}.items()]
        options += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["dockerd", *options, "-H", self.address], stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, f"it ended: {folder}/log"
            assert time.monotonic() < until, f"it doesn't answer: {folder}/log"
            time.sleep(0.1)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait until its containerd is gone, which the next one would take for its own."""
        if self._process is None:
            return
        note = self._folder / "exec/containerd/containerd.pid"
        containerd = int(note.read_text())
        self._process.send_signal(sign)
        self._process.wait(PATIENCE)
        self._process = None
        until = time.monotonic() + PATIENCE
        while start_time(containerd):
            assert time.monotonic() < until, f"containerd stays: {self._folder}/log"
            time.sleep(0.05)
        note.unlink(missing_ok=True)

    def take_image(self) -> None:
        """Copy the sandbox's image from the engine that the environment names."""
        given, mine = Engine(), self._engine()
        try:
            ensure_image(given)
            mine.api.load_image(b"".join(given.api.get_image(image_reference())))
        finally:
            given.close()
            mine.close()

    def containers(self) -> list[dict[str, str]]:
        """Those that it knows, in whatever state."""
        engine = self._engine()
        try:
            return list(engine.api.containers(all=True))
        finally:
            engine.close()

    def close(self) -> None:
        """Remove what is left on it, and end it."""
        if self._process is None:
            self.start()
        engine = self._engine()
        for each in engine.api.containers(all=True):
            engine.api.remove_container(each["Id"], force=True)
        engine.close()
        self.stop()
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in reversed([each for each in mounted if each.startswith(f"{self._folder}/")]):
            subprocess.run(["umount", "--lazy", place], check=True)
        self._end_shims()

    def _end_shims(self) -> None:
        """End what stands beside a container that was made while the engine was killed: no later one knows of it."""
        mine = f"{self._folder}/exec/".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
                if b"containerd-shim" in program and any(each.startswith(mine) for each in arguments):
                    os.kill(int(process.name), signal.SIGKILL)

    def _answers(self) -> bool:
        engine = self._engine()
        try:
            engine.info()
        except SandboxUnavailable:
            return False
        finally:
            engine.close()
        return True

    def _engine(self) -> Engine:
        return Engine(get_settings().model_copy(update={"docker_host": self.address}))
