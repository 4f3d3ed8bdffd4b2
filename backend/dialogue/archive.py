"""A zip that is written piece by piece and never held whole."""

import io
import re
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

NAME_LENGTH = 60
"""Characters of a title in a file's name."""


class Archive:
    """What is yielded by `add` for each file, then by `end`, is the zip."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    async def add(self, name: str, changed_at: datetime, pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
        """Add a text file, for its owner alone to read where it is unpacked."""
        entry = zipfile.ZipInfo(name, changed_at.astimezone(UTC).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self._zip.open(entry, "w") as file:
            async for piece in pieces:
                file.write(piece.encode())
                if written := self._sink.taken():
                    yield written
        yield self._sink.taken()

    def end(self) -> bytes:
        """The list of contents at the end."""
        self._zip.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """What `zipfile` writes to. It can't go back in it, so the size of each file follows it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def file_name(number: int, title: str) -> str:
    """A name that means the same in every archive program and file system: no folders, dots, or hidden signs.

    The number makes it unique where capitals don't count, and none of the names that Windows keeps for itself.
    """
    words = re.sub(r"\W+", "-", unicodedata.normalize("NFC", title))[:NAME_LENGTH].strip("-_")
    return f"{number:04}-{words or 'conversation'}"
