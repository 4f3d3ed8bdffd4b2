"""A base image from Debian's packages, for machines that reach a mirror of Debian but no registry.

`python -m backend.sandbox.image.base FILE` writes it as `docker load` takes it. The same packages make the same bytes,
so the image's id is the same on every machine. Needs `apt-get`, `apt-cache` and `dpkg-deb`, and no rights.
"""

import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

NAME = "stoa-sandbox-base"
WANTED = ("python3-minimal", "python3-numpy", "python3-pytest", "dash")
UNWANTED_PACKAGES = re.compile(
    r"(perl|libperl|dpkg$|tar$|debianutils|install-info|libatlas|libblis|libopenblas|libgomp|mailcap|mime-support"
    r"|media-types|libacl|libselinux|libpcre|libdb|libgdbm|libnsl|libtirpc|libgssapi|libk|libcom-err|libmd|libzstd"
    r"|readline-common|python3-py$|python3-pkg-resources)"
)
UNWANTED_FILES = re.compile(
    r"usr/(share|include|games)/|etc/|var/|usr/lib/python3\.\d+/dist-packages/|usr/lib/(valgrind|mime|udev|systemd)/"
    r"|.*/(tests?|f2py|__pycache__|gconv|idlelib|lib2to3|ensurepip|distutils|pydoc_data|turtledemo|config-[^/]*)/"
    r"|.*\.(a|h|pyi|exe)$|usr/s?bin/(?!(python3(\.\d+)?|dash|sh)$)"
)
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def build(reference: str) -> bytes:
    """The image, to be called `reference`, as a tar archive for `docker load`.

    Raises `CalledProcessError` or `OSError` where apt can't do it.
    """
    with tempfile.TemporaryDirectory(prefix="stoa-sandbox-") as folder:
        root = Path(folder, "root")
        root.mkdir()
        for package in _download(Path(folder)):
            _unpack(package, root)
        _choose_blas(root)
        _compile(root)
        return _image(_layer(root), reference)


def _download(folder: Path) -> list[Path]:
    """The wanted packages and what they need, in the order of their names."""
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = [f"--no-{kind}" for kind in kinds]
    listed = _run("apt-cache", "depends", "--recurse", *options, *WANTED, cwd=folder).decode()
    names = sorted({line for line in listed.splitlines() if re.match(r"[a-z0-9]", line)})
    chosen = [name for name in names if not UNWANTED_PACKAGES.match(name)]
    _run("apt-get", "download", "-o", "APT::Sandbox::User=root", *chosen, cwd=folder)
    return sorted(folder.glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    """Its files, with `/lib` and others merged into `/usr`, but those no program of a student needs."""
    with tarfile.open(fileobj=io.BytesIO(_run("dpkg-deb", "--fsys-tarfile", package, cwd=root))) as archive:
        for member in archive:
            path = _merged(member.name)
            if member.isdir() or UNWANTED_FILES.match(path):
                continue
            member.name = path
            if member.islnk():
                member.linkname = _merged(member.linkname)
            archive.extract(member, root, filter="tar")


def _merged(name: str) -> str:
    path = PurePosixPath(name.removeprefix("./"))
    return str(PurePosixPath("usr") / path if path.parts and path.parts[0] in MERGED else path)


def _choose_blas(root: Path) -> None:
    """What `update-alternatives` would do: the reference implementation of each, without threads."""
    for library in root.glob("usr/lib/*/*/lib*.so.3"):
        link = library.parent.parent / library.name
        if library.parent.name in {"blas", "lapack"} and not link.exists():
            link.symlink_to(f"{library.parent.name}/{library.name}")


def _compile(root: Path) -> None:
    """Byte code, by the very Python that will read it; its sources are never looked at again."""
    python = next(root.glob("usr/bin/python3.[0-9]*"))
    loader = next((root / "usr").glob("lib*/ld-linux*"), None) or next(root.glob("usr/lib/ld-linux*"))
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    command = [loader, "--library-path", libraries, python, "-S", "-m", "compileall", "-q", "-f"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", root, "-p", "/", root / "usr/lib"]
    environment = {"PYTHONHOME": str(root / "usr"), "PYTHONHASHSEED": "0"}
    subprocess.run([str(part) for part in command], env=environment, check=False, capture_output=True)  # noqa: S603


def _layer(root: Path) -> bytes:
    """Every file in the order of its name, owned by root, of no date."""
    for name in MERGED:
        (root / "usr" / name).mkdir(exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("dash")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nstudent:x:65532:65532:student:/box:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nstudent:x:65532:\n")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            entry = archive.gettarinfo(path, str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            with path.open("rb") if entry.isreg() else io.BytesIO() as content:
                archive.addfile(entry, content)
    return out.getvalue()


def _image(layer: bytes, reference: str) -> bytes:
    digest = hashlib.sha256(layer).hexdigest()
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["python3"]},
        "created": "1970-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "backend.sandbox.image.base"}],
    }
    described = json.dumps(configuration, sort_keys=True).encode()
    name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": [f"{digest}.tar"]}]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in (
            (name, described),
            (f"{digest}.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _run(*command: str | Path, cwd: Path) -> bytes:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    return subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(build(f"{NAME}:latest"))
