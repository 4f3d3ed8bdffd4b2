"""The two folders a program may write to: filled before, read and emptied after, when no program runs any more.

Nothing that it left is followed or trusted: a name may be a link, a pipe, a socket, or deeper than any path.
"""

import base64
import os
import stat

BOX = "/box"
TEMPORARY = "/tmp"
DEEPEST = 16
"""Folders above a collected file."""


def put(files: dict[str, str]) -> None:
    """Write `files`, base64 by path, into the box."""
    for path, content in files.items():
        place = os.path.join(BOX, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "xb") as file:
            file.write(base64.b64decode(content))


def collect(paths: list[str], most: int) -> tuple[dict[str, str], dict[str, str]]:
    """Regular files by path, base64, together at most `most` bytes; and why the others aren't here."""
    found, refused = {}, {}
    os.chmod(BOX, 0o700)
    for path in paths:
        try:
            content = _read(path, most)
        except (OSError, ValueError) as error:
            refused[path] = "missing" if isinstance(error, FileNotFoundError) else "not a regular file"
            continue
        if content is None:
            refused[path] = "too large"
            continue
        most -= len(content)
        found[path] = base64.b64encode(content).decode()
    return found, refused


def _read(path: str, most: int) -> bytes | None:
    descriptor = _open(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError
        if os.fstat(descriptor).st_size > most:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Open component by component: no link is followed, and opening a pipe doesn't wait."""
    *above, name = path.split("/")
    if len(above) > DEEPEST or ".." in above:
        raise ValueError
    folder = os.open(BOX, os.O_RDONLY | os.O_DIRECTORY)
    for each in above:
        try:
            inner = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    finally:
        os.close(folder)


def wipe() -> None:
    """Empty both folders, and forget the times that a program may have given them."""
    for top in (BOX, TEMPORARY):
        os.chmod(top, 0o700)
        _empty(top)
        os.utime(top)


def _empty(top: str) -> None:
    """Delete what is in `top`: files at once, folders once what they hold was moved up: no depth matters."""
    moved = 0
    while folders := _delete_files(top):
        for folder in folders:
            os.chmod(folder, 0o700)
            for inner in _delete_files(folder):
                moved += 1
                os.rename(inner, os.path.join(top, f"moved {moved} {os.urandom(8).hex()}"))
            os.rmdir(folder)


def _delete_files(folder: str) -> list[str]:
    """Delete everything in `folder` but folders, which are returned."""
    folders = []
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            folders.append(entry.path)
        else:
            os.unlink(entry.path)
    return folders
