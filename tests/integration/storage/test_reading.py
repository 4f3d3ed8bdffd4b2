"""Ranges, conditions and pages of a list, on the wire."""

import re
from urllib.parse import quote, unquote

import pytest

from backend import storage
from tests.support.s3 import Wire

CONTENT = bytes(range(100))


@pytest.fixture(autouse=True)
async def _stored(key: str) -> None:
    await storage.put_bytes(key, CONTENT, "text/plain")


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=0-9", 0, 9), ("bytes=90-", 90, 99), ("bytes=-1", 99, 99), ("bytes=-100", 0, 99),
        ("bytes=-1000", 0, 99), ("bytes=50-1000", 50, 99), ("bytes=99-99", 99, 99),
    ],
)  # fmt: skip
async def test_a_part_is_read(wire: Wire, key: str, wanted: str, first: int, last: int) -> None:
    for request in (
        wire.to("GET", key, range=wanted).signed(),
        wire.to("GET", key).presigned().with_headers(range=wanted),
    ):
        answer = request.send()
        assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/100"
        assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={10**17}-"])
async def test_a_part_outside_is_refused(wire: Wire, key: str, wanted: str) -> None:
    answer = wire.to("GET", key, range=wanted).signed().send()
    assert (answer.status, answer.code) == (416, "InvalidRange")


@pytest.mark.parametrize(
    "wanted", ["bytes=a-b", "lines=1-2", "bytes=--1", "bytes", "0-1", "bytes=1.5-2", f"bytes=0-{'9' * 5000}"]
)
async def test_what_is_no_range_is_ignored(wire: Wire, key: str, wanted: str, embedded_only: None) -> None:
    answer = wire.to("GET", key, range=wanted).signed().send()
    assert (answer.status, answer.body) == (200, CONTENT)


async def test_a_part_of_an_older_version_is_not_mixed_with_a_newer(wire: Wire, key: str, embedded_only: None) -> None:
    etag = (await storage.head(key)).etag or ""
    part = wire.to("GET", key, range="bytes=0-9", if_range=etag).signed()
    assert part.send().status == 206
    await storage.put_bytes(key, b"other", "text/plain")
    answer = part.send()
    assert (answer.status, answer.body) == (200, b"other")


async def test_a_known_version_is_not_sent_again(wire: Wire, key: str) -> None:
    etag = (await storage.head(key)).etag or ""
    for condition in (etag, f'"other", {etag}', "*"):
        answer = wire.to("GET", key, if_none_match=condition).signed().send()
        assert (answer.status, answer.body) == (304, b"")
    assert wire.to("GET", key, if_none_match='"other"').signed().send().status == 200
    assert wire.to("GET", key, if_match=etag).signed().send().status == 200
    assert wire.to("GET", key, if_match='"other"').signed().send().status == 412


async def test_conditions_of_writes(wire: Wire, key: str, embedded_only: None) -> None:
    assert wire.to("PUT", key, body=b"2", if_none_match="*").signed().send().code == "PreconditionFailed"
    for name in ("if_match", "if_none_match"):
        assert wire.to("PUT", key, body=b"2", **{name: '"x"'}).signed().send().status == 501
    assert await storage.get_bytes(key, 100) == CONTENT
    assert wire.to("PUT", f"{key}2", body=b"2", if_none_match="*").signed().send().status == 200


async def test_a_wrong_checksum_is_refused(wire: Wire, key: str) -> None:
    assert wire.to("PUT", key, body=b"2", content_md5="XUFAKrxLKna5cZ2REBfFkg==").signed().send().code == "BadDigest"
    assert wire.to("PUT", key, body=b"2", content_md5="nonsense").signed().send().code == "InvalidDigest"
    assert await storage.get_bytes(key, 100) == CONTENT


async def test_pages_lose_and_repeat_nothing(wire: Wire, key: str) -> None:
    """`a-b` sorts before `a/b`, though the folder `a` sorts before the file `a-b`: a walk over folders loses it."""
    area = key.partition("/")[0]
    names = sorted(
        [f"{area}/{name}" for name in ("a", "a!", "a-b", "a/b", "a/b/c", "a0", "ab", "é", "🦜", "Z", "a b%")]
    )
    for name in names:
        await storage.put_bytes(name, b"x", "text/plain")
    expected = sorted([*names, key], key=str.encode)
    for size in (1, 2, 3, 5, 100):
        assert list_all(wire, f"prefix={quote(area + '/', safe='')}", size) == expected


async def test_pages_with_folders(wire: Wire, key: str) -> None:
    area = key.partition("/")[0]
    for name in ("a/1", "a/2", "a-b", "b/c/1", "c", "d/1"):
        await storage.put_bytes(f"{area}/x/{name}", b"x", "text/plain")
    for size in (1, 2, 3, 100):
        found = list_all(wire, f"delimiter=%2F&prefix={quote(area + '/x/', safe='')}", size)
        assert sorted(found) == [f"{area}/x/{name}" for name in ("a-b", "a/", "b/", "c", "d/")]


def list_all(wire: Wire, query: str, size: int) -> list[str]:
    """Every key and prefix, page after page, in the order in which they came."""
    found, token = [], ""
    while True:
        more = f"&continuation-token={quote(token, safe='')}" if token else ""
        parts = sorted(f"encoding-type=url&list-type=2&max-keys={size}&{query}{more}".split("&"))
        answer = wire.to("GET", query="&".join(parts)).signed().send()
        assert answer.status == 200, answer.body
        text = answer.body.decode()
        page = re.findall(r"<Contents><Key>(.*?)</Key>|<CommonPrefixes><Prefix>(.*?)</Prefix>", text)
        assert len(page) <= size
        found += [unquote(key or prefix) for key, prefix in page]
        token = "".join(re.findall(r"<NextContinuationToken>(.*?)</NextContinuationToken>", text))
        assert bool(token) == ("<IsTruncated>true</IsTruncated>" in text)
        if not token:
            return found


async def test_a_token_that_is_none_is_refused(wire: Wire, embedded_only: None) -> None:
    for token in ("x", "%00", "%2F%2F%2F%2F", "____", quote("é")):
        assert wire.to("GET", query=f"continuation-token={token}&list-type=2").signed().send().status == 400


# Objects in parts


def begin(wire: Wire, key: str) -> str:
    answer = wire.to("POST", key, "uploads=", content_type="text/plain").signed().send()
    return re.findall("<UploadId>(.*?)</UploadId>", answer.body.decode())[0]


def listed(*parts: tuple[int, str]) -> bytes:
    inner = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts)
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


async def test_parts_become_one_object_in_their_order(wire: Wire, key: str) -> None:
    whole = f"{key}.whole"
    upload = begin(wire, whole)
    etags = {}
    for number in (2, 1):
        body = bytes([number]) * 5 * 1024 * 1024
        sent = wire.to("PUT", whole, f"partNumber={number}&uploadId={upload}", body=body).signed().send()
        etags[number] = sent.headers["etag"]
    with pytest.raises(storage.NotThere):
        await storage.head(whole)
    for wrong in ([(2, etags[2]), (1, etags[1])], [(1, etags[2])], [(1, '"0"')], [(3, etags[1])], []):
        answer = wire.to("POST", whole, f"uploadId={upload}", body=listed(*wrong)).signed().send()
        assert answer.status == 400, wrong
    done = wire.to("POST", whole, f"uploadId={upload}", body=listed(*sorted(etags.items()))).signed().send()
    assert done.status == 200
    assert (await storage.head(whole)).content_type == "text/plain"
    assert await storage.get_bytes(whole, 10**8) == b"\1" * 5 * 1024 * 1024 + b"\2" * 5 * 1024 * 1024


async def test_an_upload_belongs_to_its_key(wire: Wire, key: str) -> None:
    upload = begin(wire, f"{key}.whole")
    part = wire.to("PUT", f"{key}.whole", f"partNumber=1&uploadId={upload}", body=b"x").signed().send()
    for method, body in (("POST", listed((1, part.headers["etag"]))), ("DELETE", b""), ("GET", b"")):
        answer = wire.to(method, f"{key}.other", f"uploadId={upload}", body=body).signed().send()
        assert (answer.status, answer.code) == (404, "NoSuchUpload")
    assert wire.to("DELETE", f"{key}.whole", f"uploadId={upload}").signed().send().status == 204
    assert wire.to("GET", f"{key}.whole", f"uploadId={upload}").signed().send().status == 404


@pytest.mark.parametrize("upload", [".", "..", "", "a%2Fb", "x" * 32, "%00", "%2e%2e%2f%2e%2e%2f"])
async def test_an_upload_that_is_none(wire: Wire, key: str, upload: str, embedded_only: None) -> None:
    for method, query in (("PUT", f"partNumber=1&uploadId={upload}"), ("DELETE", f"uploadId={upload}")):
        assert wire.to(method, key, query, body=b"x").signed().send().status in (400, 403, 404)


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x", "1e3", ".."])
async def test_a_part_number_that_is_none(wire: Wire, key: str, number: str, embedded_only: None) -> None:
    upload = begin(wire, f"{key}.whole")
    answer = wire.to("PUT", f"{key}.whole", f"partNumber={number}&uploadId={upload}", body=b"x").signed().send()
    assert answer.status == 400
