"""The sandbox's image: found in the engine, pulled, or built there, once per change of what it is made of."""

import fcntl
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from docker.errors import APIError, ImageNotFound

from backend.core.settings import get_settings
from backend.sandbox.engine import Engine, troubles_told
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.image import base
from backend.sandbox.outdated import remove_outdated
from backend.sandbox.policy import IMAGE_FOLDER

log = structlog.get_logger(__name__)

NAME = "stoa-sandbox"


def image_reference() -> str:
    """The image that is used: the settings' own, or ours, named after what it is made of."""
    return get_settings().sandbox_image or f"{NAME}:{_fingerprint()}"


def image_digest(engine: Engine) -> str | None:
    """The id of the image in the engine; None while it isn't there."""
    with troubles_told("image"):
        return _digest(engine, image_reference())


def prepare_image() -> str:
    """`ensure_image`, from outside of a sandbox."""
    engine = Engine()
    try:
        return ensure_image(engine)
    finally:
        engine.close()


def ensure_image(engine: Engine) -> str:
    """The id of the image, after pulling or building it where it isn't there: a minute, once.

    Raises `SandboxUnavailable` when neither works; the log says why.
    """
    if found := image_digest(engine):
        return found
    with _alone(), troubles_told("image"):
        found = _digest(engine, image_reference())
        if found is None and get_settings().sandbox_image:
            found = _pulled(engine, image_reference())
        return found or _build(engine)


def _digest(engine: Engine, reference: str) -> str | None:
    try:
        return str(engine.api.inspect_image(reference)["Id"])
    except ImageNotFound:
        return None


def _pulled(engine: Engine, reference: str) -> str | None:
    """The image from its registry; None when that can't be reached or doesn't have it."""
    try:
        engine.api.pull(reference)
    except (APIError, ImageNotFound) as error:
        log.warning("sandbox_image_not_pulled", image=reference, error=str(error)[:300])
        return None
    return _digest(engine, reference)


def _build(engine: Engine) -> str:
    reference, context = get_settings().sandbox_base_image, _context()
    from_packages = not (_digest(engine, reference) or _pulled(engine, reference))
    if from_packages:
        reference = _load_base(engine)
    log.info("sandbox_image_building", base=reference)
    lines = engine.api.build(
        fileobj=io.BytesIO(context),
        custom_context=True,
        tag=image_reference(),
        buildargs={"BASE_IMAGE": reference},
        network_mode="none" if from_packages else None,  # everything is in it already
        rm=True,
        forcerm=True,
        decode=True,
    )
    problems = [line["error"] for line in lines if "error" in line]
    found = _digest(engine, image_reference())
    if problems or found is None:
        log.error("sandbox_image_not_built", error=str(problems)[:1000])
        raise SandboxUnavailable
    remove_outdated(engine, NAME, found)
    return found


def _load_base(engine: Engine) -> str:
    """The base of Debian's packages, made where the engine doesn't have it yet."""
    recipe = hashlib.sha256(Path(base.__file__).read_bytes()).hexdigest()[:16]
    reference = f"{base.NAME}:{recipe}"
    if _digest(engine, reference):
        return reference
    if shutil.which("apt-get") is None:
        log.error("sandbox_base_image_unreachable", image=get_settings().sandbox_base_image)
        raise SandboxUnavailable
    try:
        packed = base.build(reference)
    except subprocess.CalledProcessError as error:
        log.error("sandbox_base_not_built", error=str(error)[:300])
        raise SandboxUnavailable from error
    for _ in engine.api.load_image(packed):
        pass
    return reference


def _parts() -> Iterator[tuple[str, bytes]]:
    """What the image is made of, by path in the build's context."""
    for path in (
        IMAGE_FOLDER / "Dockerfile",
        IMAGE_FOLDER / "prune.py",
        *sorted((IMAGE_FOLDER / "runner").glob("*.py")),
    ):
        yield str(path.relative_to(IMAGE_FOLDER)), path.read_bytes()


def _fingerprint() -> str:
    digest = hashlib.sha256(get_settings().sandbox_base_image.encode())
    for name, content in (*_parts(), ("base.py", Path(base.__file__).read_bytes())):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


def _context() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in _parts():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@contextmanager
def _alone() -> Iterator[None]:
    """One process of this machine at a time."""
    folder = get_settings().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sandbox-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
