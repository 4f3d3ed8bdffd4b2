"""What a provider refuses and how it breaks, as the one family of errors."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from backend.genai.errors import (
    AuthenticationFailed,
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.providers import open_provider
from backend.genai.providers.failures import MAX_DETAIL
from tests.support.replay import API_KEY, Replay, refusing_port
from tests.support.replay_answers import Answer, Fault, anthropic_error, openai_answer, openai_error, raw_answer
from tests.support.replay_client import failed, failure_of

STATUSES = [
    (400, InvalidRequest),
    (401, AuthenticationFailed),
    (402, AuthenticationFailed),
    (403, AuthenticationFailed),
    (404, AuthenticationFailed),
    (405, AuthenticationFailed),
    (408, ProviderUnavailable),
    (409, ProviderUnavailable),
    (410, AuthenticationFailed),
    (413, ContextTooLong),
    (415, InvalidRequest),
    (422, InvalidRequest),
    (429, RateLimited),
    (500, ProviderUnavailable),
    (502, ProviderUnavailable),
    (503, ProviderUnavailable),
    (504, ProviderUnavailable),
    (529, ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "family"), STATUSES)
@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_status(wire: str, status: int, family: type[CompletionError]):
    says = "No luck."
    answer = openai_error(status, says, type="any") if wire == "openai" else anthropic_error(status, "any", says)
    _, error = await failed(answer)
    assert type(error) is family
    assert error.http_status == status
    assert error.detail == "any: No luck."


@pytest.mark.parametrize(
    "answer",
    [
        openai_error(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
        openai_error(400, "request (4390 tokens) exceeds the available context size", type="exceed_context_size_error"),
        openai_error(400, "This model's maximum context length is 4096 tokens. However, you requested 5000."),
        openai_error(500, "Context size has been exceeded.", type="server_error"),
        openai_error(413, "Payload too large"),
        anthropic_error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        anthropic_error(
            400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"
        ),
        anthropic_error(413, "request_too_large", "Request exceeds the maximum size"),
    ],
    ids=["openai", "llama.cpp", "vllm", "llama.cpp 500", "413", "anthropic", "anthropic with output", "anthropic 413"],
)
async def test_too_long_a_context(answer: Answer):
    _, error = await failed(answer)
    assert type(error) is ContextTooLong


@pytest.mark.parametrize(
    "answer",
    [
        openai_error(400, "The response was filtered.", code="content_filter"),
        openai_error(400, "Blocked.", code="content_policy_violation"),
        raw_answer(
            b'{"error": {"message": "filtered", "code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}',
            status=400,
        ),
    ],
    ids=["openai", "openai policy", "azure"],
)
async def test_content_filter(answer: Answer):
    _, error = await failed(answer)
    assert type(error) is ContentFiltered


async def test_exhausted_quota_is_a_rate_limit_with_its_reason():
    _, error = await failed(openai_error(429, "You exceeded your current quota.", code="insufficient_quota"))
    assert type(error) is RateLimited
    assert "insufficient_quota" in error.detail
    assert error.retry_after is None


async def test_exhausted_credit_needs_an_administrator():
    _, error = await failed(anthropic_error(400, "invalid_request_error", "Your credit balance is too low."))
    assert type(error) is AuthenticationFailed


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after": "-4"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after_ms": "x", "retry_after": "2"}, 2.0),
        ({"retry_after": "Fri, 31 Feb 2020 00:00:00 GMT"}, None),
        ({"retry_after": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
async def test_retry_after(headers: dict[str, str], seconds: float | None):
    _, error = await failed(openai_error(429, "Slow down").with_headers(**headers))
    assert error.retry_after == seconds


async def test_retry_after_as_a_date():
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    _, error = await failed(openai_error(503, "Slow down").with_headers(retry_after=moment))
    assert error.retry_after == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "model \\"x\\" not found, try pulling it first"}', 'model "x" not found, try pulling it first'),
        (b'{"object": "error", "message": "No such model", "type": "NotFoundError"}', "NotFoundError: No such model"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"loc": ["body"], "msg": "bad"}]}', '[{"loc": ["body"], "msg": "bad"}]'),
        (b'[{"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}]', "gone"),
        (b"<html>\n <h1>404   Not Found</h1>\n</html>", "<html> <h1>404 Not Found</h1> </html>"),
        (b"", ""),
        (b"\xff\x00", "\ufffd\x00"),
        (b"[" * 50_000, "[" * (MAX_DETAIL - 1) + "…"),
    ],
    ids=["ollama", "vllm", "fastapi", "fastapi list", "gemini", "html", "empty", "binary", "deep"],
)
async def test_words_of_any_server_are_kept_in_the_detail(body: bytes, words: str):
    _, error = await failed(raw_answer(body, status=404))
    assert type(error) is AuthenticationFailed
    assert error.detail == words


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_secrets_are_in_no_detail(wire: str):
    says = f"Incorrect API key provided: {API_KEY}. Organization org-7. Seen: sk-proj-abc***xyz, Bearer tok3n"
    answer = openai_error(401, says) if wire == "openai" else anthropic_error(401, "authentication_error", says)
    _, error = await failed(answer, organization="org-7")
    for secret in (API_KEY, "org-7", "abc***xyz", "tok3n"):
        assert secret not in error.detail
    assert error.__cause__ is None
    assert error.__context__ is None


async def test_redirect_is_not_followed():
    async with Replay(openai_answer()) as elsewhere:
        moved = raw_answer(status=307).with_headers(location=f"{elsewhere.url}/v1/chat/completions")
        _, error = await failed(moved)
    assert type(error) is AuthenticationFailed
    assert elsewhere.url in error.detail
    assert elsewhere.requests == []


async def test_refused_connection():
    async with Replay(openai_answer()) as replay:
        with refusing_port() as port:
            _, error = await failure_of(replay.spec(base_url=f"http://127.0.0.1:{port}/v1"))
    assert type(error) is ProviderUnavailable
    assert "refused" in error.detail.lower() or "connect" in error.detail.lower()
    assert error.http_status is None


async def test_unknown_host():
    async with Replay(openai_answer()) as replay:
        _, error = await failure_of(replay.spec(base_url="http://stoa.invalid/v1"))
    assert type(error) is ProviderUnavailable


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_wrong_path_is_told_as_misconfiguration(wire: str):
    async with Replay.openai() if wire == "openai" else Replay.anthropic() as replay:
        _, error = await failure_of(replay.spec(base_url=f"{replay.url}/elsewhere"))
    assert type(error) is AuthenticationFailed
    assert error.http_status == 404


@pytest.mark.parametrize("base_url", ["ftp://example.org/v1", "example.org/v1", "http://", "http://[::1/v1"])
async def test_unusable_address_is_told_as_misconfiguration(base_url: str):
    spec = Replay.openai().spec(base_url=base_url)
    with pytest.raises(AuthenticationFailed):
        open_provider(spec)


@pytest.mark.parametrize("api_key", ["sk-ключ-123", "sk-1\nX-Evil: 1"])
async def test_key_that_no_header_can_carry_is_told_as_misconfiguration(api_key: str):
    with pytest.raises(AuthenticationFailed) as raised:
        open_provider(Replay.openai().spec(api_key=api_key))
    assert api_key not in raised.value.detail


async def test_connection_cut_while_the_error_is_told():
    _, error = await failed(raw_answer(b'{"error": {"mess', Fault.CUT, status=429))
    assert type(error) is ProviderUnavailable
