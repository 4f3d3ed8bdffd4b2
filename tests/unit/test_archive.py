"""Archives: written in bounded memory, under names that mean the same everywhere."""

import io
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.clock import now
from backend.dialogue.archive import Archive, file_name

FILES, PIECES, SIZE = 5, 20, 100_000


async def random_text() -> AsyncIterator[str]:
    for _ in range(PIECES):
        yield os.urandom(SIZE // 2).hex()


async def test_memory_does_not_grow_with_the_archive() -> None:
    archive, written = Archive(), 0
    tracemalloc.start()
    for number in range(FILES):
        async for piece in archive.add(file_name(number, "talk"), now(), random_text()):
            written += len(piece)
    written += len(archive.end())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written > FILES * PIECES * SIZE / 2
    assert peak < written / 4


async def test_what_was_added_is_read_back() -> None:
    async def words() -> AsyncIterator[str]:
        for word in ("one ", "two ", "drei – ", "四"):
            yield word

    archive = Archive()
    pieces = [piece async for piece in archive.add("a/b.txt", now(), words())]
    found = zipfile.ZipFile(io.BytesIO(b"".join(pieces) + archive.end()))
    assert found.testzip() is None
    assert found.read("a/b.txt").decode() == "one two drei – 四"
    assert found.getinfo("a/b.txt").external_attr >> 16 == 0o600


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Why flour?", "0007-Why-flour"),
        ("../../etc/passwd", "0007-etc-passwd"),
        ("C:\\con", "0007-C-con"),
        ("", "0007-conversation"),
        ("…", "0007-conversation"),
        ("Grüße 四", "0007-Grüße-四"),
        ("\u202egpj.exe", "0007-gpj-exe"),
    ],
)
def test_a_title_becomes_a_name(title: str, name: str) -> None:
    assert file_name(7, title) == name


@given(st.text())
def test_no_title_leaves_its_folder_or_hides_anything(title: str) -> None:
    name = file_name(1, title)
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>|.')
    assert len(name) <= 65
