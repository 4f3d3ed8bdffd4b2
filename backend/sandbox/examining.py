"""The sandbox's rows of `stoa doctor`."""

import os
from collections.abc import Iterator
from typing import Any

from backend.core.embedded.doctor import Finding
from backend.core.settings import get_settings
from backend.sandbox.engine import Engine
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.images import image_digest, image_reference
from backend.sandbox.policy import is_gvisor

NO_ENGINE = "Code isn't run: exercises, Run and the tutor's programs wait until there is one."


def sandbox_findings() -> Iterator[Finding]:
    """Engine, image, AppArmor and runtime. None of them is needed for the rest of Stoa."""
    engine = Engine()
    try:
        info = engine.info()
        yield Finding("Docker engine", True, f"{info['ServerVersion']}, cgroup v{info.get('CgroupVersion', '1')}")
        yield _image(engine)
        yield _app_armor(info)
        yield _runtime(info)
    except SandboxUnavailable as error:
        yield Finding("Docker engine", None, str(error.__cause__)[:120], NO_ENGINE, _how_to_get_one())
    finally:
        engine.close()


def _how_to_get_one() -> str:
    install = (
        "apt-get install docker.io, start it, " if os.geteuid() == 0 else "install Docker, join the group `docker`, "
    )
    return f"{install}or set DOCKER_HOST"


def _image(engine: Engine) -> Finding:
    digest = image_digest(engine)
    if digest:
        return Finding("Sandbox image", True, f"{image_reference()}, {digest[7:19]}")
    return Finding("Sandbox image", None, image_reference(), "The first run builds it.", "stoa sandbox build")


def _app_armor(info: dict[str, Any]) -> Finding:
    if any("apparmor" in option for option in info.get("SecurityOptions") or ()):
        return Finding("AppArmor", True, "docker-default")
    meaning = "One wall fewer around programs; the others stand."
    return Finding("AppArmor", None, "not in this kernel", meaning, "a host whose kernel has AppArmor")


def _runtime(info: dict[str, Any]) -> Finding:
    wanted = get_settings().sandbox_runtime
    known = info.get("Runtimes") or {}
    if wanted and wanted not in known:
        return Finding(
            "Sandbox runtime", False, wanted, "The engine doesn't know it.", "install it, or unset STOA_SANDBOX_RUNTIME"
        )
    if is_gvisor(wanted):
        without = "gVisor: no record of what is opened, and a program that needs too much memory ends its container"
        return Finding("Sandbox runtime", True, f"{wanted}, {without}")
    return Finding("Sandbox runtime", True, wanted or str(info.get("DefaultRuntime", "")))
