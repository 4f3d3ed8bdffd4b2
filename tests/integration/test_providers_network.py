"""Connections that break, encrypt, and carry much at once."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.genai.errors import ProviderUnavailable
from backend.genai.providers import http
from backend.genai.schemas import Finished, Prompt, UserMessage
from tests.support.replay import Replay, refusing_port
from tests.support.replay_answers import Answer, Fault, anthropic_answer, openai_answer, raw_answer
from tests.support.replay_client import PROMPT, answered, ask, failed, failure_of, provider_of, text_of

both_wires = pytest.mark.parametrize("answer_of", [openai_answer, anthropic_answer], ids=["openai", "anthropic"])


@both_wires
async def test_connection_cut_in_the_middle_is_never_finished(answer_of: Callable[..., Answer]):
    events, error = await failed(answer_of("one two three").cut(after=2))
    assert text_of(events) == "one two "
    assert type(error) is ProviderUnavailable
    assert not [event for event in events if isinstance(event, Finished)]


@both_wires
@pytest.mark.parametrize("after", [0, 2])
async def test_connection_reset(answer_of: Callable[..., Answer], after: int):
    events, error = await failed(answer_of("one two three").reset(after=after))
    assert text_of(events) == "one two " * bool(after)
    assert type(error) is ProviderUnavailable


async def test_connection_reset_before_headers():
    _, error = await failed(openai_answer().reset_before_headers())
    assert type(error) is ProviderUnavailable
    assert error.http_status is None


@pytest.mark.parametrize("hang_up", [openai_answer().cut_before_headers(), openai_answer().reset_before_headers()])
async def test_used_connection_that_hangs_up_on_a_request_is_replaced(hang_up: Answer):
    script = [openai_answer("one"), hang_up, openai_answer("two")]
    async with Replay(*script) as replay, provider_of(replay.spec()) as model:
        answers = [text_of([event async for event in model.stream(PROMPT)]) for _ in range(2)]
    assert answers == ["one", "two"]
    assert (len(replay.requests), replay.connections_opened) == (3, 2)


async def test_many_used_connections_that_hung_up_are_replaced():
    paced = openai_answer("one two").pace(20)
    async with Replay(paced) as replay, provider_of(replay.spec()) as model:

        async def read() -> str:
            return text_of([event async for event in model.stream(PROMPT)])

        await asyncio.gather(*(read() for _ in range(5)))
        replay.play(*[paced.cut_before_headers()] * 5, paced)
        assert await read() == "one two"


async def test_fresh_connection_that_hangs_up_is_a_failure_at_once():
    async with Replay(openai_answer().cut_before_headers(), openai_answer()) as replay:
        _, error = await failure_of(replay.spec())
    assert type(error) is ProviderUnavailable
    assert len(replay.requests) == 1


async def test_connection_cut_after_the_answer_was_whole_is_finished():
    whole = openai_answer("one two", done=False)
    events = await answered(raw_answer(*whole.steps, Fault.CUT))
    assert isinstance(events[-1], Finished)


async def test_large_prompt_and_large_answer():
    question, reply = "ä" * 2_000_000, "word " * 100_000
    async with Replay(openai_answer([reply])) as replay:
        events = await ask(replay, Prompt([UserMessage(question)]))
    assert text_of(events) == reply
    assert replay.requests[0].json["messages"][0]["content"] == question


async def test_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert text_of(await answered(openai_answer("one two"))) == "one two"


async def test_proxy_of_the_environment_is_asked_for_others(monkeypatch: pytest.MonkeyPatch):
    async with Replay(openai_answer("through the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        proxy.paths["http://stoa.invalid/v1/chat/completions"] = "openai"
        events = await ask(proxy, base_url="http://stoa.invalid/v1")
    assert text_of(events) == "through the proxy"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's TLS context with a certificate for 127.0.0.1 that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "replay")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "replay.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    http._tls.cache_clear()
    yield context
    http._tls.cache_clear()


@both_wires
async def test_encrypted_connection(answer_of: Callable[..., Answer], certificate: ssl.SSLContext):
    async with Replay(answer_of("one two three").pace(50), tls=certificate) as replay:
        assert text_of(await ask(replay)) == "one two three"


async def test_encrypted_connection_cut_in_the_middle(certificate: ssl.SSLContext):
    async with Replay(openai_answer("one two three").cut(after=2), tls=certificate) as replay:
        events, error = await failure_of(replay.spec())
    assert text_of(events) == "one two "
    assert type(error) is ProviderUnavailable


async def test_untrusted_certificate(certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    async with Replay(openai_answer(), tls=certificate) as replay:
        _, error = await failure_of(replay.spec())
    assert type(error) is ProviderUnavailable
    assert "certificate" in error.detail
    assert replay.requests == []


async def test_plain_server_where_tls_is_expected():
    async with Replay(openai_answer()) as replay:
        _, error = await failure_of(replay.spec(base_url=f"https://127.0.0.1:{replay.port}/v1", connect_timeout=0.3))
    assert type(error) is ProviderUnavailable


def test_uvloop_serves_as_well(certificate: ssl.SSLContext):
    """The web server's event loop, whose transports differ in what they raise and when."""

    async def scenario() -> None:
        async with Replay(openai_answer("encrypted"), tls=certificate) as replay:
            assert text_of(await ask(replay)) == "encrypted"
        assert type((await failed(openai_answer("one two").cut(after=1)))[1]) is ProviderUnavailable
        assert text_of(await answered(openai_answer(["word " * 200_000]))) == "word " * 200_000
        script = [openai_answer("one"), openai_answer().cut_before_headers(), openai_answer("two")]
        async with Replay(*script) as replay, provider_of(replay.spec()) as model:
            answers = [text_of([event async for event in model.stream(PROMPT)]) for _ in range(2)]
        assert answers == ["one", "two"]
        with refusing_port() as port:
            _, error = await failure_of(replay.spec(base_url=f"http://127.0.0.1:{port}/v1"))
        assert type(error) is ProviderUnavailable

    uvloop.run(scenario())
