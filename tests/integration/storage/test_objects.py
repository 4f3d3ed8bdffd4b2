"""What the rest of Stoa calls: `backend.storage`."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend import storage
from backend.core.errors import StoaError
from tests.support.services import environment

MEBIBYTE = 1024 * 1024


async def several(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def keys(prefix: str) -> list[str]:
    return [each.key async for each in storage.list(prefix)]


async def test_what_was_put_comes_back(key: str) -> None:
    await storage.put_bytes(key, b"kept", "text/plain")
    assert await storage.get_bytes(key, 4) == b"kept"
    assert b"".join([piece async for piece in storage.stream(key)]) == b"kept"
    found = await storage.head(key)
    assert (found.key, found.size, found.content_type) == (key, 4, "text/plain")
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=1)


async def test_an_empty_object(key: str) -> None:
    await storage.put_bytes(key, b"", "text/plain")
    assert await storage.get_bytes(key, 0) == b""
    assert [piece async for piece in storage.stream(key)] == []


async def test_a_larger_object_than_allowed_is_not_read(key: str) -> None:
    await storage.put_bytes(key, b"12345", "text/plain")
    with pytest.raises(storage.Refused, match="5 bytes; at most 4"):
        await storage.get_bytes(key, 4)


async def test_what_is_not_there(key: str) -> None:
    for asked in (
        storage.get_bytes(key, 1),
        storage.head(key),
        storage.copy(key, key + "2"),
        anext(storage.stream(key)),
    ):
        with pytest.raises(storage.NotThere):
            await asked
    await storage.delete(key)
    assert await keys(key.partition("/")[0] + "/") == []


async def test_replacing_changes_content_type_and_etag(key: str) -> None:
    await storage.put_bytes(key, b"one", "text/plain")
    before = await storage.head(key)
    await storage.put_bytes(key, b"two!", "text/markdown; charset=utf-8")
    after = await storage.head(key)
    assert (after.size, after.content_type) == (4, "text/markdown; charset=utf-8")
    assert after.etag != before.etag


async def test_not_replacing_keeps_the_first(key: str) -> None:
    await storage.put_bytes(key, b"first", "text/plain", replace=False)
    with pytest.raises(storage.AlreadyThere):
        await storage.put_bytes(key, b"second", "text/plain", replace=False)
    assert await storage.get_bytes(key, 100) == b"first"


async def test_of_many_who_do_not_replace_one_wins(key: str) -> None:
    async def attempt(number: int) -> int | None:
        try:
            await storage.put_bytes(key, f"{number}".encode() * 1000, "text/plain", replace=False)
        except storage.AlreadyThere:
            return None
        return number

    won = [number for number in await asyncio.gather(*map(attempt, range(12))) if number is not None]
    assert len(won) == 1
    assert await storage.get_bytes(key, 10_000) == f"{won[0]}".encode() * 1000


async def test_of_many_who_replace_one_stays_whole(key: str) -> None:
    contents = [bytes([number]) * (100_000 + number) for number in range(12)]

    async def read() -> None:
        for _ in range(20):
            assert await storage.get_bytes(key, MEBIBYTE) in contents

    await storage.put_bytes(key, contents[0], "text/plain")
    await asyncio.gather(read(), *(storage.put_bytes(key, content, "text/plain") for content in contents))
    assert await storage.get_bytes(key, MEBIBYTE) in contents
    assert (await storage.head(key)).size == len(await storage.get_bytes(key, MEBIBYTE))


async def test_a_copy_keeps_the_content_type_and_outlives_its_source(key: str) -> None:
    await storage.put_bytes(key, b"scanned", "application/pdf")
    await storage.copy(key, f"{key}.clean")
    await storage.delete(key)
    assert await storage.get_bytes(f"{key}.clean", 100) == b"scanned"
    assert (await storage.head(f"{key}.clean")).content_type == "application/pdf"


async def test_a_copy_onto_another_replaces_it(key: str) -> None:
    await storage.put_bytes(key, b"new", "text/plain")
    await storage.put_bytes(f"{key}.old", b"old content", "text/plain")
    await storage.copy(key, f"{key}.old")
    assert await storage.get_bytes(f"{key}.old", 100) == b"new"


async def test_large_bodies_stream_without_memory(key: str, server_pid: int | None) -> None:
    sent, came = hashlib.sha256(), hashlib.sha256()

    async def fifty() -> AsyncIterator[bytes]:
        for number in range(50):
            piece = bytes([number]) * MEBIBYTE
            sent.update(piece)
            yield piece

    ours, theirs = resident(os.getpid()), resident(server_pid)
    await storage.put_stream(key, fifty(), "application/zip")
    async for piece in storage.stream(key):
        came.update(piece)
    await storage.copy(key, f"{key}.copy")
    assert came.digest() == sent.digest()
    assert (await storage.head(f"{key}.copy")).size == 50 * MEBIBYTE
    assert resident(os.getpid()) - ours < 40 * MEBIBYTE
    assert resident(server_pid) - theirs < 20 * MEBIBYTE
    await asyncio.gather(storage.delete(key), storage.delete(f"{key}.copy"))


async def test_a_stream_that_fails_stores_nothing(key: str) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(6 * MEBIBYTE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.put_stream(key, failing(), "application/zip")
    with pytest.raises(storage.NotThere):
        await storage.head(key)


async def test_a_stream_of_nothing_and_of_little(key: str) -> None:
    await storage.put_stream(key, several(), "text/plain")
    assert await storage.get_bytes(key, 1) == b""
    await storage.put_stream(key, several(b"a", b"", b"bc"), "text/plain")
    assert await storage.get_bytes(key, 3) == b"abc"
    assert (await storage.head(key)).content_type == "text/plain"


ODD_KEYS = (
    "with space/and  two",
    "ünïcödé/日本語/🦜",
    "per%cent/%41/%2F/100%/%%",
    "plus+and&amp=equals?query#fragment",
    "quote'\"<tag>`back\\slash",
    "semi;colon:comma,at@dollar$star*",
    "tilde~dot.underscore_dash-(brackets)[square]{curly}|^",
    "dots/..a/b../...",
    ".nanio/meta",
    "a/.nanio-meta/b.json",
    "long/" + "x" * 900,
    "deep/" + "y/" * 200 + "z",
)


@pytest.mark.parametrize("odd", ODD_KEYS, ids=range(len(ODD_KEYS)))
async def test_odd_keys_are_kept_apart_and_listed_as_they_are(odd: str, key: str) -> None:
    area = key.partition("/")[0]
    odd = f"{area}/{odd}"
    await storage.put_bytes(odd, odd.encode(), "text/plain")
    assert await storage.get_bytes(odd, 2000) == odd.encode()
    assert await keys(f"{area}/") == [odd]
    await storage.copy(odd, f"{area}/copy")
    assert await storage.get_bytes(f"{area}/copy", 2000) == odd.encode()
    await storage.delete(odd)
    assert await keys(f"{area}/") == [f"{area}/copy"]


async def test_a_key_may_be_the_start_of_another(key: str) -> None:
    for each in (key, f"{key}/inner", f"{key}.json", f"{key}.json/inner"):
        await storage.put_bytes(each, each.encode(), "text/plain")
    for each in (key, f"{key}/inner", f"{key}.json", f"{key}.json/inner"):
        assert await storage.get_bytes(each, 1000) == each.encode()


@pytest.mark.parametrize(
    "bad",
    ["", "/a", "a/", "a//b", "a/../b", "..", ".", "a/./b", "x" * 1025, "é" * 513, "a\0b", "a\nb", "a\x7fb", "\ud800",
     "right\u202eleft", "zero\u200bwidth", "line\u2028end"],
)  # fmt: skip
async def test_keys_that_mean_different_things_to_different_readers_are_refused(bad: str) -> None:
    for asked in (
        storage.put_bytes(bad, b"", "text/plain"), storage.put_stream(bad, several(), "text/plain"),
        storage.get_bytes(bad, 1), anext(storage.stream(bad)), storage.head(bad), storage.delete(bad),
        storage.copy(bad, "a"), storage.copy("a", bad), storage.signed_get(bad, filename="a"),
        storage.signed_post(bad, content_type="text/plain", max_bytes=1),
    ):  # fmt: skip
        with pytest.raises(storage.Refused):
            await asked


@pytest.mark.parametrize("bad", ["", "text", "text/plain\r\nX-Evil: 1", "text/plain; charset=a; b=c", "a b/c", "é/a"])
async def test_content_types_that_are_none_are_refused(bad: str) -> None:
    with pytest.raises(storage.Refused, match="content type"):
        await storage.put_bytes("a", b"", bad)
    with pytest.raises(storage.Refused, match="content type"):
        await storage.signed_post("a", content_type=bad, max_bytes=1)


async def test_lists_are_whole(key: str) -> None:
    area = key.partition("/")[0]
    names = {f"{area}/{part}{number:02}" for number in range(20) for part in ("a/", "a-")}
    await asyncio.gather(*(storage.put_bytes(name, b"x", "text/plain") for name in names))
    assert set(await keys(f"{area}/")) == names
    assert set(await keys(f"{area}/a/")) == {name for name in names if "/a/" in name}
    assert await keys(f"{area}/a/01/") == []


async def test_a_prefix_is_a_folder(key: str) -> None:
    area = key.partition("/")[0]
    for name in ("ab", "a/1", "a"):
        await storage.put_bytes(f"{area}/{name}", b"x", "text/plain")
    assert await keys(f"{area}/a/") == [f"{area}/a/1"]
    with pytest.raises(storage.Refused, match="slash"):
        await keys(f"{area}/a")


async def test_a_storage_that_is_away_is_said_to_be_in_time(service: dict[str, str]) -> None:
    with environment(S3_ENDPOINT="http://127.0.0.1:9"):
        for asked in (storage.get_bytes("a", 1), storage.put_bytes("a", b"", "text/plain"), storage.ping_storage()):
            with pytest.raises(storage.StorageUnavailable) as caught:
                await asked
            assert "127.0.0.1" not in caught.value.message


async def test_a_wrong_secret_or_bucket_is_told_as_unavailable(service: dict[str, str]) -> None:
    with environment(AWS_SECRET_ACCESS_KEY="wrong"), pytest.raises(storage.StorageUnavailable):
        await storage.put_bytes("a", b"", "text/plain")
    with environment(S3_BUCKET="another-bucket-of-nobody"), pytest.raises(storage.StorageUnavailable):
        await storage.ping_storage()


async def test_no_storage_at_all() -> None:
    with environment(S3_ENDPOINT=""), pytest.raises(storage.StorageUnavailable, match="make run"):
        await storage.head("a")


async def test_the_bucket_is_there_and_stays(key: str) -> None:
    await storage.put_bytes(key, b"x", "text/plain")
    await asyncio.gather(*(storage.ensure_bucket() for _ in range(3)))
    await storage.ping_storage()
    assert await storage.get_bytes(key, 1) == b"x"


async def test_what_the_environment_says_to_other_programs_is_not_for_us(
    key: str, monkeypatch: pytest.MonkeyPatch, service: dict[str, str]
) -> None:
    for name, value in {
        "AWS_SESSION_TOKEN": "another's", "AWS_PROFILE": "nobody", "AWS_SKIP_SIGNATURE": "true",
        "AWS_UNSIGNED_PAYLOAD": "true", "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    other = service["S3_ENDPOINT"].replace("127.0.0.1", "localhost")  # a fresh client, which reads the environment
    with environment(S3_ENDPOINT=other):
        await storage.put_bytes(key, b"x", "text/plain")
        assert await storage.get_bytes(key, 1) == b"x"
        await storage.ping_storage()


def test_every_error_is_one_that_people_may_see() -> None:
    for error in (storage.NotThere, storage.AlreadyThere, storage.Refused, storage.StorageUnavailable):
        assert issubclass(error, StoaError)
        assert error.message


def resident(pid: int | None) -> int:
    """Bytes of memory that a process has now; 0 for one on another machine."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pid else 0
