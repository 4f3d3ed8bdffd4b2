"""Upload forms: what a browser may send with a policy that we signed, and what it may not."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from backend import storage
from backend.storage import SignedPost
from tests.support.s3 import Answer, Wire, form


@pytest.fixture
async def signed(key: str) -> SignedPost:
    """A form for one text of 1 to 10 bytes."""
    return await storage.signed_post(key, content_type="text/plain", max_bytes=10)


def send(wire: Wire, fields: dict[str, str], file: bytes = b"hello", **how: str) -> Answer:
    body, content_type = form(fields, file, **how)
    return wire.to("POST", body=body, content_type=content_type).send()


async def nothing_at(key: str) -> bool:
    try:
        await storage.head(key)
    except storage.NotThere:
        return True
    return False


async def test_a_form_uploads_one_object(wire: Wire, key: str, signed: SignedPost) -> None:
    assert signed.url == f"{wire.endpoint}/{wire.bucket}"
    answer = send(wire, signed.fields)
    assert (answer.status, answer.body) == (204, b"")
    assert await storage.get_bytes(key, 10) == b"hello"
    assert (await storage.head(key)).content_type == "text/plain"


@pytest.mark.parametrize(("size", "status"), [(0, 400), (1, 204), (10, 204), (11, 400), (1_000_000, 400)])
async def test_the_size_is_held_to_on_both_sides(
    wire: Wire, key: str, signed: SignedPost, size: int, status: int
) -> None:
    answer = send(wire, signed.fields, b"x" * size)
    assert answer.status == status
    assert answer.code == ("EntityTooLarge" if size > 10 else "EntityTooSmall" if size == 0 else "")
    assert await nothing_at(key) == (status != 204)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key", "another"), ("key", "${filename}"), ("Content-Type", "text/html"), ("Content-Type", ""),
        ("x-amz-date", "20200101T000000Z"), ("x-amz-algorithm", "AWS4-HMAC-SHA1"), ("x-amz-signature", "0" * 64),
        ("x-amz-signature", ""), ("x-amz-credential", "a/20200101/us-east-1/s3/aws4_request"), ("policy", ""),
        ("policy", "e30="), ("acl", "public-read"), ("x-amz-meta-grade", "A"), ("success_action_redirect", "http://evil"),
        ("success_action_status", "200"), ("Cache-Control", "public"), ("Content-Disposition", "inline"),
        ("x-amz-storage-class", "GLACIER"), ("tagging", "<x/>"), ("bucket", "another"), ("x-amz-security-token", "x"),
    ],
)  # fmt: skip
async def test_a_changed_or_added_field_is_refused(
    wire: Wire, key: str, signed: SignedPost, name: str, value: str
) -> None:
    answer = send(wire, {**signed.fields, name: value})
    assert answer.status in (400, 403)
    assert await nothing_at(key)


async def test_every_field_is_needed(wire: Wire, key: str, signed: SignedPost) -> None:
    for name in signed.fields:
        answer = send(wire, {each: value for each, value in signed.fields.items() if each != name})
        assert answer.status in (400, 403), name
    assert await nothing_at(key)


async def test_an_altered_policy_is_refused(wire: Wire, key: str, signed: SignedPost) -> None:
    policy = json.loads(base64.b64decode(signed.fields["policy"]))
    for conditions in ([], [["content-length-range", 0, 10**9], *policy["conditions"][2:]], policy["conditions"]):
        altered = {"expiration": "2099-01-01T00:00:00Z", "conditions": conditions}
        encoded = base64.b64encode(json.dumps(altered).encode()).decode()
        assert send(wire, {**signed.fields, "policy": encoded}).code in ("SignatureDoesNotMatch", "AccessDenied")
    assert await nothing_at(key)


async def test_a_form_expires(wire: Wire, key: str) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=11), tick=False):
        old = await storage.signed_post(key, content_type="text/plain", max_bytes=10)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=False):
        early = await storage.signed_post(key, content_type="text/plain", max_bytes=10)
    assert send(wire, old.fields).code == "AccessDenied"
    assert send(wire, early.fields).status == 403
    assert await nothing_at(key)


async def test_a_form_may_be_sent_again_and_writes_the_same_key_only(wire: Wire, key: str, signed: SignedPost) -> None:
    assert send(wire, signed.fields, b"one").status == 204
    assert send(wire, signed.fields, b"two").status == 204
    assert await storage.get_bytes(key, 10) == b"two"
    assert [each.key async for each in storage.list(key.partition("/")[0] + "/")] == [key]


@pytest.mark.parametrize(
    "how",
    [
        {"extra": '--limit\r\nContent-Disposition: form-data; name="key"\r\n\r\nanother\r\n'},
        {"extra": '--limit\r\nContent-Disposition: form-data; name="file"\r\n\r\nsecond\r\n'},
        {"last": "upload"},
        {"last": "key"},
    ],
)
async def test_a_form_has_one_file_and_ends_with_it(
    wire: Wire, key: str, signed: SignedPost, how: dict[str, str], embedded_only: None
) -> None:
    assert send(wire, signed.fields, **how).status in (400, 403)
    assert await nothing_at(key)


async def test_a_form_that_breaks_off_stores_nothing(wire: Wire, key: str, signed: SignedPost) -> None:
    body, content_type = form(signed.fields, b"hello")
    for length in (len(body) - 4, len(body) - 14, len(body) - 40, 300, 10, 0):
        assert wire.to("POST", body=body[:length], content_type=content_type).send().status in (400, 403, 405, 501)
    assert await nothing_at(key)


async def test_a_form_of_endless_fields_is_refused(wire: Wire, key: str, signed: SignedPost) -> None:
    for fields in ({"x-ignore-me": "x" * 100_000}, {f"x-ignore-{number}": "x" for number in range(5000)}):
        assert send(wire, {**fields, **signed.fields}).status in (400, 403)
    assert await nothing_at(key)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'b' * 300}",
        "multipart/form-dataX; boundary=limit",
    ],
    ids=range(4),
)
async def test_a_form_without_a_boundary_is_refused(
    wire: Wire, key: str, signed: SignedPost, content_type: str
) -> None:
    body, _ = form(signed.fields, b"hello")
    assert wire.to("POST", body=body, content_type=content_type).send().status in (400, 403)
    assert await nothing_at(key)


async def test_a_form_goes_to_its_bucket_only(wire: Wire, key: str, signed: SignedPost) -> None:
    body, content_type = form(signed.fields, b"hello")
    request = wire.to("POST", body=body, content_type=content_type)
    for path in ("/another-bucket", "/", f"/{wire.bucket}/{key}", "//"):
        assert request.but(path=path).send().status in (400, 403, 404, 405)
    assert await nothing_at(key)


async def test_a_form_of_no_bytes_is_not_signed() -> None:
    with pytest.raises(storage.Refused, match="at least one byte"):
        await storage.signed_post("a", content_type="text/plain", max_bytes=0)


# Pages of other origins

OURS, THEIRS = "http://localhost:3000", "https://evil.example"


async def test_our_pages_may_read_and_post(wire: Wire, key: str, signed: SignedPost, embedded_only: None) -> None:
    asked = wire.to("OPTIONS", origin=OURS, access_control_request_method="POST").send()
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == OURS
    assert "POST" in asked.headers["access-control-allow-methods"]
    body, content_type = form(signed.fields, b"hello")
    posted = wire.to("POST", body=body, content_type=content_type, origin=OURS).send()
    assert (posted.status, posted.headers["access-control-allow-origin"]) == (204, OURS)
    read = wire.to("GET", key).presigned().with_headers(origin=OURS).send()
    assert (read.headers["access-control-allow-origin"], read.headers["vary"]) == (OURS, "Origin")


@pytest.mark.parametrize(
    "origin", [THEIRS, "null", "http://localhost:3000.evil.example", "http://localhost:30000", "*", ""]
)
async def test_pages_of_others_may_not(
    wire: Wire, key: str, signed: SignedPost, origin: str, embedded_only: None
) -> None:
    asked = wire.to("OPTIONS", origin=origin, access_control_request_method="POST").send()
    assert (asked.status, asked.headers.get("access-control-allow-origin")) == (403, None)
    assert send(wire, signed.fields).status == 204
    read = wire.to("GET", key).presigned().with_headers(origin=origin).send()
    assert "access-control-allow-origin" not in read.headers
    assert "access-control-allow-credentials" not in read.headers


async def test_our_pages_may_not_ask_for_more(wire: Wire, embedded_only: None) -> None:
    for method in ("PUT", "DELETE", "PATCH", ""):
        assert wire.to("OPTIONS", origin=OURS, access_control_request_method=method).send().status == 403
