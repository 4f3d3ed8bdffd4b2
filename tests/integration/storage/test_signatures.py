"""Whose requests are answered: those that were signed with the key, as they are, for here and for now."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from backend import storage
from tests.support.s3 import Wire

REFUSED = (400, 403)


@pytest.fixture(autouse=True)
async def _stored(key: str) -> None:
    await storage.put_bytes(key, b"secret content", "text/plain")
    await storage.put_bytes(f"{key}.other", b"another's", "text/plain")


async def unchanged(key: str) -> bool:
    return (await storage.get_bytes(key, 100), await storage.get_bytes(f"{key}.other", 100)) == (
        b"secret content",
        b"another's",
    )


def refused(request: Wire, *codes: str) -> bool:
    answer = request.send()
    assert b"secret content" not in answer.body
    return answer.status in REFUSED and (not codes or answer.code in codes)


def test_signed_requests_are_answered(wire: Wire, key: str) -> None:
    assert wire.to("GET", key).signed().send().body == b"secret content"
    assert wire.to("GET", key).presigned().send().body == b"secret content"
    assert wire.to("HEAD", key).presigned().send().status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "TRACE"])
async def test_anonymous_requests_are_refused(wire: Wire, key: str, method: str) -> None:
    for target in (key, ""):
        assert wire.to(method, target, body=b"evil").send().status in (*REFUSED, 405)
    assert wire.but(method=method).send().status in (*REFUSED, 404, 405)
    assert await unchanged(key)


def test_forged_signatures_are_refused(wire: Wire, key: str) -> None:
    signed = wire.to("GET", key).signed()
    authorization = signed.headers["Authorization"]
    head, _, signature = authorization.rpartition("=")
    for forged in (
        f"{head}={'0' * 64}", f"{head}={signature[:-1]}{'0' if signature[-1] != '0' else '1'}", f"{head}=",
        f"{head}={signature}00", f"{head}={signature.upper()}x", "", "Bearer x", "AWS4-HMAC-SHA256", "Basic eDp4",
        authorization.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        authorization.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), f"AWS {wire.access_key}:{signature}",
    ):  # fmt: skip
        assert refused(signed.with_headers(authorization=forged)), forged


def test_another_key_is_refused(wire: Wire, key: str) -> None:
    for other in (
        Wire(wire.endpoint, wire.bucket, wire.access_key, "not the secret", wire.region),
        Wire(wire.endpoint, wire.bucket, wire.access_key, "", wire.region),
        Wire(wire.endpoint, wire.bucket, "stranger", wire.secret_key, wire.region),
        Wire(wire.endpoint, wire.bucket, wire.access_key.upper(), wire.secret_key, wire.region),
    ):
        assert refused(other.to("GET", key).signed(), "SignatureDoesNotMatch", "InvalidAccessKeyId")
        assert refused(other.to("GET", key).presigned(), "SignatureDoesNotMatch", "InvalidAccessKeyId")


def test_another_region_service_or_day_is_refused(wire: Wire, key: str) -> None:
    elsewhere = Wire(wire.endpoint, wire.bucket, wire.access_key, wire.secret_key, "eu-nowhere-1")
    assert refused(elsewhere.to("GET", key).signed())
    assert refused(elsewhere.to("GET", key).presigned())
    assert refused(wire.to("GET", key).signed(service="ec2"))
    with time_machine.travel(datetime.now(UTC) - timedelta(days=1)):
        yesterday = wire.to("GET", key).signed()
        address = wire.to("GET", key).presigned(3600)
    assert refused(yesterday, "RequestTimeTooSkewed", "AccessDenied")
    assert refused(yesterday.with_headers(x_amz_date=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    today = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    query = "&".join(
        f"X-Amz-Date={today}" if part.startswith("X-Amz-Date") else part for part in address.query.split("&")
    )
    assert refused(address.but(query=query))


@pytest.mark.parametrize("minutes", [-16, 16, -100_000, 100_000])
def test_another_time_is_refused(wire: Wire, key: str, minutes: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        request = wire.to("GET", key).signed()
    assert refused(request, "RequestTimeTooSkewed", "AccessDenied")


@pytest.mark.parametrize("moment", ["", "now", "20260101", "20260101T000000", "99999999T999999Z", "20260101T000000Z "])
def test_a_time_that_is_none_is_refused(wire: Wire, key: str, moment: str) -> None:
    assert refused(wire.to("GET", key).signed().with_headers(x_amz_date=moment))
    assert refused(wire.to("GET", key).signed().with_headers(x_amz_date=None))


async def test_an_altered_path_method_or_query_is_refused(wire: Wire, key: str) -> None:
    for request in (wire.to("GET", key).signed(), wire.to("GET", key).presigned()):
        assert refused(request.but(path=f"{request.path}.other"))
        assert refused(request.but(path=request.path.replace("notes", "note%73s")))
        assert refused(request.but(method="DELETE"))
        assert refused(request.but(method="PUT", body=b"evil"))
        for more in ("response-content-type=text/html", "uploads", "uploadId=x", "acl", "x=1", "versionId=1", "&", "="):
            assert request.but(query=f"{request.query}&{more}".strip("&")).send().status != 200 or more == "&", more
    assert await unchanged(key)


def test_one_path_has_one_signature(wire: Wire, key: str) -> None:
    """`%2561` is the key `%61`, not `a`: a signature for one mustn't open the other."""
    plain = wire.to("GET", f"{key}/a").signed()
    assert plain.send().status == 404
    for other in ("%2561", "%25%36%31", "A"):
        assert refused(plain.but(path=plain.path[:-1] + other), "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["content_type", "content_md5", "cache_control", "x_amz_meta_grade", "if_none_match"])
async def test_an_altered_added_or_removed_header_is_refused(wire: Wire, key: str, name: str) -> None:
    values = {"content_type": ("text/plain", "text/html"), "content_md5": ("XUFAKrxLKna5cZ2REBfFkg==", "x")}
    value, other = values.get(name, ("*", "**"))
    signed = wire.to("PUT", f"{key}.new", body=b"hello", **{name: value}).signed()
    assert refused(signed.with_headers(**{name: other}))
    assert refused(signed.with_headers(**{name: None}))
    bare = wire.to("PUT", f"{key}.new", body=b"hello").signed()
    assert refused(bare.with_headers(**{name: value}))
    with pytest.raises(storage.NotThere):
        await storage.head(f"{key}.new")


async def test_a_header_that_turns_a_write_into_a_copy_must_be_signed(wire: Wire, key: str) -> None:
    source = f"/{wire.bucket}/{key}"
    signed = wire.to("PUT", f"{key}.mine").signed()
    assert refused(signed.with_headers(x_amz_copy_source=source))
    address = wire.to("PUT", f"{key}.mine").presigned()
    assert refused(address.with_headers(x_amz_copy_source=source))
    with pytest.raises(storage.NotThere):
        await storage.head(f"{key}.mine")


async def test_another_body_than_the_signed_one_is_refused(wire: Wire, key: str) -> None:
    signed = wire.to("PUT", key, body=b"signed body").signed()
    for body in (b"other body!", b"", b"signed body and more", b"signed bod"):
        answer = signed.but(body=body).send()
        assert answer.status in REFUSED
        assert await unchanged(key)
    assert signed.send().status == 200


async def test_a_body_whose_hash_is_not_signed_is_refused(wire: Wire, key: str, embedded_only: None) -> None:
    for given in (
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "",
        "0",
    ):
        request = wire.to("PUT", key, body=b"evil", x_amz_content_sha256=given).signed()
        assert request.with_headers(x_amz_content_sha256=given).send().status in (400, 403, 501), given
    assert await unchanged(key)


@pytest.mark.parametrize("header", ["Authorization", "x-amz-date", "Host", "Range", "Content-Type"])
async def test_a_header_that_stands_twice_is_refused(wire: Wire, key: str, header: str, embedded_only: None) -> None:
    signed = wire.to("GET", key, range="bytes=0-1", content_type="text/plain").signed()
    value = dict(signed.headers).get(header, "0")
    answer = signed.send((header, value if header != "Host" else "evil.example"))
    assert answer.status == 400


def test_a_signed_address_expires(wire: Wire, key: str) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=6)):
        expired, living = wire.to("GET", key).presigned(300), wire.to("GET", key).presigned(600)
    assert refused(expired, "AccessDenied")
    assert refused(expired.but(query=expired.query.replace("X-Amz-Expires=300", "X-Amz-Expires=3000")))
    assert living.send().status == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert refused(wire.to("GET", key).presigned(300))
    for seconds in (0, -1, 604_801, 10**30):
        assert refused(wire.to("GET", key).presigned(seconds)), seconds


def test_a_signed_address_is_whole(wire: Wire, key: str) -> None:
    address = wire.to("GET", key).presigned()
    parts = address.query.split("&")
    for part in parts:
        assert refused(address.but(query="&".join(each for each in parts if each != part))), part
        name = part.partition("=")[0]
        assert refused(address.but(query=f"{address.query}&{name}=x")), part
        assert refused(address.but(query=f"{name}=x&{address.query}")), part
    assert refused(address.with_headers(authorization="AWS4-HMAC-SHA256 Credential=x"))
    assert refused(address.with_headers(host="evil.example"))


async def test_signed_addresses_only_read(wire: Wire, key: str, embedded_only: None) -> None:
    for method in ("PUT", "DELETE", "POST"):
        assert refused(wire.to(method, key).presigned().but(body=b"evil"))
    assert await unchanged(key)


async def test_a_download_is_an_attachment_of_the_type_we_say(wire: Wire, key: str) -> None:
    await storage.put_bytes(key, b"<script>", "text/html")
    url = await storage.signed_get(key, filename="Übung 1.html", seconds=60)
    path, _, query = url.removeprefix(wire.endpoint).partition("?")
    answer = wire.but(path=path, query=query).send()
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_bung 1.html\"; filename*=UTF-8''%C3%9Cbung%201.html"
    )
    assert refused(wire.but(path=path, query=query.replace("attachment", "inline")))
    assert refused(wire.but(path=path, query=query.replace("octet-stream", "html")))
    half = wire.but(path=path, query=query, headers={"Range": "bytes=0-3"}).send()
    assert (half.status, half.body) == (206, b"<scr")


async def test_answers_are_never_pages(wire: Wire, key: str, embedded_only: None) -> None:
    for answer in (
        wire.to("GET", key).signed().send(),
        wire.to("GET", key).send(),
        wire.to("GET", "none").signed().send(),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_hundred_at_once(wire: Wire, key: str) -> None:
    async def one(number: int) -> int:
        request = wire.to("GET", key).signed() if number % 2 else wire.to("GET", key)
        return (await asyncio.to_thread(request.send)).status

    assert await asyncio.gather(*map(one, range(100))) == [403, 200] * 50
