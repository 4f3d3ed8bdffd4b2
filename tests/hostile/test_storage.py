"""The file storage under attack, also by somebody who can sign: nothing outside its folder, nothing it doesn't mean."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import storage
from backend.core.embedded.storage import Storage, start_storage
from backend.storage.signing import attachment
from tests.support.s3 import Wire, form
from tests.support.services import environment

KEY = "area/notes.txt"
CONTENT = b"what nobody else may read"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    made = start_storage(tmp_path_factory.mktemp("outer"), "tests", ["http://localhost:3000"])
    yield made
    made.stop()
    assert "Traceback" not in made.log.read_text()


@pytest.fixture
def wire(server: Storage) -> Iterator[Wire]:
    with environment(**server.environment):
        yield Wire.of(server.environment)


@pytest.fixture(autouse=True)
async def _stored(wire: Wire) -> None:
    await storage.put_bytes(KEY, CONTENT, "text/plain")


def outside(server: Storage) -> dict[Path, bytes]:
    """Every file beside the objects themselves, with what is in it."""
    own = server.folder / "objects"
    return {
        path: path.read_bytes()
        for path in server.folder.parent.rglob("*")
        if path.is_file() and own not in path.parents and "index.sqlite" not in path.name and path.suffix != ".log"
    }


TRAVERSALS = (
    "../key.json", "../../key.json", "..", ".", "a/../../key.json", "..%2fkey.json", "%2e%2e/key.json",
    "%2e%2e%2fkey.json", "..%5ckey.json", "....//key.json", "/etc/passwd", "%2fetc%2fpasswd", "..;/key.json",
    "%252e%252e/key.json", "../objects", "../index.sqlite", ".nanio/multipart/x/init.json",
    "../uploads/.nanio/multipart", "..%c0%af..%c0%afkey.json", "%00", "a%00.txt", "a%0a", "key.json%00.txt",
    "~root/.ssh/id_rsa", "file:///etc/passwd", "C:%5cwindows", "CON", "%ff",
)  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_path_leads_out_of_the_folder(wire: Wire, server: Storage, path: str) -> None:
    before = outside(server)
    for prefix in (f"/{wire.bucket}/", f"/{wire.bucket}//area/", "/"):
        for method in ("PUT", "GET", "HEAD", "DELETE"):
            body = b"evil" if method == "PUT" else b""
            canonical = quote(unquote(prefix + path), safe="/-_.~")
            answer = wire.to(method, body=body).but(path=canonical).signed().but(path=prefix + path).send()
            assert answer.status in (200, 204, 400, 403, 404, 405, 409, 501), (method, prefix)
            assert b"secret_key" not in answer.body
            assert b"root:" not in answer.body
        copy = wire.to("PUT", "copied", x_amz_copy_source=prefix.lstrip("/") + path).signed().send()
        assert copy.status in (200, 400, 404)  # what was stored above under an odd key is there to be copied
    assert outside(server) == before


@pytest.mark.parametrize("name", ["../../key.json", "/etc/passwd", "..\\..\\key.json", "a\0b"])
async def test_neither_does_a_forms_key_or_file_name(wire: Wire, server: Storage, name: str) -> None:
    before = outside(server)
    signed = await storage.signed_post("area/up", content_type="text/plain", max_bytes=10)
    body, content_type = form(signed.fields, b"evil")
    for sent in (
        body.replace(b'filename="x"', f'filename="{name}"'.encode()),
        form({**signed.fields, "key": name}, b"x")[0],
    ):
        assert wire.to("POST", body=sent, content_type=content_type).send().status in (204, 400, 403)
    assert outside(server) == before


@pytest.mark.parametrize(
    "query",
    ["acl=", "policy=", "cors=", "tagging=", "versioning=", "website=", "lifecycle=", "notification=", "logging=",
     "replication=", "publicAccessBlock=", "ownershipControls=", "encryption=", "object-lock=", "torrent=", "restore=",
     "select=", "retention=", "legal-hold=", "versionId=1", "attributes=", "uploads=&acl="],
)  # fmt: skip
async def test_what_is_not_understood_changes_nothing(wire: Wire, query: str) -> None:
    for key in (KEY, ""):
        for method in ("PUT", "POST", "DELETE", "GET"):
            answer = wire.to(method, key, query, body=b"<AccessControlPolicy/>").signed().send()
            assert (answer.status, answer.code) == (501, "NotImplemented"), (method, key)
    assert await storage.get_bytes(KEY, 100) == CONTENT


@pytest.mark.parametrize(
    "header",
    ["x-amz-acl", "x-amz-grant-read", "x-amz-website-redirect-location", "x-amz-storage-class", "x-amz-tagging",
     "x-amz-copy-source-if-match", "x-amz-copy-source-range", "x-amz-security-token", "x-amz-mfa",
     "x-amz-bypass-governance-retention", "x-amz-object-lock-mode", "x-amz-server-side-encryption"],
)  # fmt: skip
async def test_neither_do_headers_that_are_not(wire: Wire, header: str) -> None:
    for method in ("PUT", "DELETE"):
        assert wire.to(method, KEY, **{header: "public-read"}).signed().send().status == 501
    assert await storage.get_bytes(KEY, 100) == CONTENT


async def test_there_is_one_bucket_and_it_stays(wire: Wire) -> None:
    assert wire.to("DELETE").signed().send().status == 501
    assert wire.to("PUT").signed().send().code == "BucketAlreadyOwnedByYou"
    for path in ("/other", "/other/key", "/..", "/.nanio", "/uploads/x", "/TESTS/x", f"/{wire.bucket}.evil/x"):
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            assert wire.to(method).but(path=path).signed().send().status in (404, 501), (method, path)
    assert wire.signed().send().status == 501
    source = wire.to("PUT", "x", x_amz_copy_source="/other/key").signed().send()
    assert source.code == "NoSuchBucket"
    assert await storage.get_bytes(KEY, 100) == CONTENT


async def test_a_signed_address_cannot_carry_headers_of_its_own(wire: Wire) -> None:
    for value in ("a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x7fb", "ü"):
        for name in ("response-content-disposition", "response-content-type", "response-cache-control"):
            answer = wire.to("GET", KEY, f"{name}={quote(value, safe='')}").presigned().send()
            assert answer.status == 400
            assert "x-evil" not in answer.headers
    assert wire.to("GET", KEY, "response-content-encoding=gzip").presigned().send().status == 501


HOSTILE_NAMES = (
    'a"; filename="b.exe', "a\r\nX-Evil: 1", "../../etc/passwd", "..\\..\\boot.ini", "a\0.txt", "\u202egpj.exe",
    "", ".", " ", "..", "a" * 5000, "é" * 5000, "🦜.txt", "%0d%0aX-Evil: 1",
    "a%22b", "a;b=c", "a\\", '"', "nul\u0000l", "\ud800.txt",
    "'; DROP TABLE files; --", "<script>.html", "a\u2028b", "\ufeffa",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
async def test_a_hostile_file_name_stays_one_name(wire: Wire, name: str) -> None:
    url = urlsplit(await storage.signed_get(KEY, filename=name))
    answer = wire.but(path=url.path, query=url.query).send()
    assert (answer.status, answer.body) == (200, CONTENT)
    assert "x-evil" not in answer.headers
    check_disposition(answer.headers["content-disposition"])


@given(st.text())
def test_any_file_name_stays_one_name(name: str) -> None:
    check_disposition(attachment(name))


def check_disposition(header: str) -> None:
    """That it is `attachment` with one name, in both forms, without folders and controls."""
    assert header.isascii()
    assert header.isprintable()
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    names = message.get_params(header="content-disposition")
    assert [name for name, _ in names or []] == ["attachment", "filename", "filename"]
    shown = unquote(header.partition("filename*=UTF-8''")[2])
    assert shown.isprintable()
    assert not set(shown) & set("/\\")
    assert 0 < len(shown) <= 150


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Delete><Object><Key>&b;</Key></Object></Delete>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>'


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE, b"", b"<", b"\xff\xfe", b"<a>" * 100_000, b"x" * 2_000_000])
async def test_xml_bombs_are_refused(wire: Wire, xml: bytes) -> None:
    answer = wire.to("POST", query="delete=", body=xml).signed().send()
    assert answer.status == 400
    assert b"root:" not in answer.body
    begun = wire.to("POST", "area/parts", "uploads=").signed().send().body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    assert wire.to("POST", "area/parts", f"uploadId={upload}", body=xml).signed().send().status == 400


RAW = (
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n Folded: a\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET http://evil.example/tests/area/notes.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT evil.example:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /tests/area/notes.txt?X-Amz-Signature HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /tests/area/notes.txt HTTP/1.0\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
)


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
async def test_what_is_hardly_http_gets_nothing(wire: Wire, server: Storage, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        answer = b""
        with suppress(OSError):  # it may hang up before it read it all
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
    assert CONTENT not in answer.partition(b"\r\n\r\n")[2]
    assert not answer.startswith(b"HTTP/1.1 2")
    assert await storage.get_bytes(KEY, 100) == CONTENT


async def test_idle_connections_do_not_keep_others_out(wire: Wire, server: Storage) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"PUT /tests/area/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n")
        assert await storage.get_bytes(KEY, 100) == CONTENT
    finally:
        for connection in idle:
            connection.close()


async def test_what_is_signed_for_one_storage_opens_no_other(wire: Wire, tmp_path: Path) -> None:
    other = start_storage(tmp_path, "tests", [])
    try:
        request = wire.to("GET", KEY).presigned()
        assert request.send().status == 200
        assert request.but(endpoint=other.url).send().status == 403
        assert wire.to("GET", KEY).signed().but(endpoint=other.url).send().status == 403
    finally:
        other.stop()
