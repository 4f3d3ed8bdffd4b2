"""What a collector, Prometheus and the log hear of each attempt at a model."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest
import structlog
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from backend import genai
from backend.core import tracing
from backend.core.telemetry import REGISTRY
from backend.genai import TextDelta, UserMessage
from backend.genai.errors import RateLimited
from backend.genai.ledger import Attempt, Purpose, record
from backend.genai.models import Outcome
from backend.genai.schemas import FinishReason, Prompt, ProviderName, Usage
from tests.support.genai import ask, ask_in_vain, ledger_rows, model_of, nothing_remembered, question, register
from tests.support.replay import Received, Replay
from tests.support.replay_answers import openai_answer, openai_error, raw_answer
from tests.support.services import environment
from tests.support.telemetry import collected


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_an_answer_is_one_span_by_the_conventions() -> None:
    with collected() as collector:
        async with Replay(openai_answer("one two three").late(0.05)) as replay:
            await register(model_of(replay))
            await ask()
    (span,), (row,) = collector.spans(), await ledger_rows()
    assert (span.name, span.kind, span.status.status_code) == ("chat replay-1", SpanKind.CLIENT, StatusCode.UNSET)
    found = attributes(span)
    assert 0.05 <= found.pop("gen_ai.response.time_to_first_chunk") < 5
    assert found.pop("gen_ai.response.finish_reasons", ("stop",)) == ("stop",)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "replay-1",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "replay-1",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "server.address": "127.0.0.1",
        "server.port": replay.port,
        "stoa.feature": "student_dialogue",
        "stoa.routing.reason": "primary",
        "stoa.request_id": str(row.request_id),
        "stoa.attempt": 1,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert abs((span.end_time - span.start_time) / 1e6 - row.duration_ms) < 1


async def test_each_attempt_is_a_span_and_a_failed_one_says_what_failed() -> None:
    with collected() as collector:
        async with Replay(openai_error(401, "no such key")) as bad, Replay(openai_answer("Six.")) as good:
            await register(model_of(bad), model_of(good, "second"))
            await ask()
    failed, answered = collector.spans()
    assert (failed.status.status_code, answered.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert failed.status.description is None
    assert failed.events == answered.events == ()
    assert attributes(failed)["error.type"] == "AuthenticationFailed"
    assert attributes(failed)["http.response.status_code"] == 401
    assert "gen_ai.usage.input_tokens" not in attributes(failed)
    assert "error.type" not in attributes(answered)
    assert attributes(answered)["stoa.routing.reason"] == "failed_over:authentication_failed"
    assert [attributes(each)["stoa.attempt"] for each in (failed, answered)] == [1, 2]
    assert attributes(failed)["stoa.request_id"] == attributes(answered)["stoa.request_id"]


async def test_an_answer_that_was_stopped_is_no_error() -> None:
    with collected() as collector:
        async with Replay(openai_answer(["word "] * 600).pace(60)) as replay:
            await register(model_of(replay))
            async with aclosing(genai.stream(question())) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        break
    (span,) = collector.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert attributes(span)["error.type"] == "Cancelled"
    assert attributes(span)["stoa.usage.estimated"] is True


async def test_how_a_model_was_asked_and_ended_is_in_the_span() -> None:
    with collected() as collector:
        async with Replay(openai_answer()) as replay:
            attempt = Attempt(Purpose("course_outline"), 1, replay.spec(), "primary")
        attempt.asked(Prompt((UserMessage("planted prompt"),), temperature=0.3, max_output_tokens=50))
        attempt.finish_reason = FinishReason.LENGTH
        attempt.usage = Usage(100, 50, cached_tokens=40, reasoning_tokens=20)
        await record(attempt, Outcome.SUCCEEDED)
    (span,) = collector.spans()
    found = attributes(span)
    assert (found["gen_ai.request.temperature"], found["gen_ai.request.max_tokens"]) == (0.3, 50)
    assert found["gen_ai.response.finish_reasons"] == ("length",)
    assert found["gen_ai.usage.cache_read.input_tokens"] == 40
    assert found["gen_ai.usage.reasoning.output_tokens"] == 20
    assert "planted" not in span.to_json()


@pytest.mark.parametrize(
    ("provider", "base_url", "server"),
    [
        (ProviderName.OPENAI, None, ("api.openai.com", 443)),
        (ProviderName.ANTHROPIC, None, ("api.anthropic.com", 443)),
        (ProviderName.OLLAMA, None, ("localhost", 11434)),
        (ProviderName.OPENAI, "http://gpu.example.org/v1", ("gpu.example.org", 80)),
        (ProviderName.OPENAI, "https://[::1]:8443/v1", ("::1", 8443)),
        (ProviderName.OPENAI, "http://127.0.0.1:{local_model_port}/v1", ("127.0.0.1", None)),
        (ProviderName.OPENAI, "http://host:port/", (None, None)),
        (ProviderName.NULL, None, (None, None)),
    ],
)
async def test_the_server_is_named_as_far_as_it_is_known(
    provider: ProviderName, base_url: str | None, server: tuple[str | None, int | None]
) -> None:
    spec = Replay(openai_answer()).spec(provider=provider, base_url=base_url)
    with collected() as collector:
        await record(Attempt(Purpose("course_outline"), 1, spec, "primary"), Outcome.FAILED, RateLimited())
    found = attributes(collector.spans()[0])
    assert (found.get("server.address"), found.get("server.port")) == server


async def test_prompt_answer_and_person_are_in_no_span_and_no_metric() -> None:
    person = uuid4()
    with collected() as collector:
        async with Replay(openai_answer("a planted answer")) as replay:
            await register(model_of(replay))
            await ask(question("a planted question", person_id=person, conversation_id=uuid4()))
        everything = "".join(span.to_json() for span in collector.spans()) + collector.metrics()
    assert "gen_ai.client.token.usage" in everything
    assert "planted" not in everything
    assert str(person) not in everything


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_prometheus_has_the_conventions_metrics() -> None:
    async with Replay(openai_answer("one two three"), openai_error(401, "no such key")) as replay:
        await register(model_of(replay, model="metered-2"))
        await ask()
        await ask_in_vain()
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "metered-2",
        "server_address": "127.0.0.1",
        "server_port": str(replay.port),
    }
    good, bad = {**labels, "error_type": ""}, {**labels, "error_type": "AuthenticationFailed"}
    assert value("gen_ai_client_operation_duration_seconds_count", **good) == 1
    assert value("gen_ai_client_operation_duration_seconds_count", **bad) == 1
    assert value("gen_ai_client_operation_duration_seconds_bucket", le="81.92", **good) == 1
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="input", **good) == 11
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="output", **good) == 3
    assert value("gen_ai_client_token_usage_bucket", le="4.0", gen_ai_token_type="output", **good) == 1
    assert value("gen_ai_client_token_usage_count", gen_ai_token_type="input", **bad) is None


async def test_a_server_that_names_another_model_each_time_makes_no_new_series() -> None:
    chunks = [
        {"model": f"model-{n}", "choices": [{"index": 0, "delta": {"content": "Six."}, "finish_reason": "stop"}]}
        for n in range(3)
    ]
    answers = [raw_answer(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()) for chunk in chunks]
    async with Replay(*answers) as replay:
        await register(model_of(replay, "drifting", model="drifting"))
        for _ in answers:
            await ask()
    series = {
        tuple(sorted(sample.labels.items()))
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "gen_ai_client_operation_duration_seconds_count"
        and sample.labels["gen_ai_request_model"] == "drifting"
    }
    assert len(series) == 1


async def test_log_lines_name_the_request_of_the_ledger_and_its_feature() -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with Replay(openai_error(401, "no such key")) as bad, Replay(openai_answer("Six.")) as good:
            await register(model_of(bad), model_of(good, "drifter", model="another"))
            await ask()
            await register(model_of(bad, "as bad"))
            await ask_in_vain()
        structlog.get_logger().warning("the caller's own")
    rows = await ledger_rows()
    said = [(line["event"], line.get("completion_request_id"), line.get("feature")) for line in lines]
    assert [line for line in said if line[0] != "breaker_changed"] == [
        ("fell_over", str(rows[0].request_id), "student_dialogue"),
        ("model_drift", str(rows[0].request_id), "student_dialogue"),
        ("fell_over", str(rows[-1].request_id), "student_dialogue"),
        ("the caller's own", str(rows[-1].request_id), "student_dialogue"),
    ]


async def test_after_an_answer_log_lines_name_no_request() -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with Replay(openai_answer("Six.")) as replay:
            await register(model_of(replay))
            await ask()
        structlog.get_logger().warning("the caller's own")
    assert set(lines[-1]) == {"event", "log_level"}


class Collecting:
    """A collector's server, speaking OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        self.headers: list[Mapping[str, str]] = []

    def __call__(self, request: Received) -> None:
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        self.bodies.setdefault(request.path, []).append(body)
        self.headers.append(request.headers)


@pytest.fixture
async def collector() -> AsyncIterator[tuple[str, Collecting]]:
    """Its address, and what it got."""
    got = Collecting()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): held.strip() for name, _, held in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        got(Received("POST", head[0].split(" ")[1], headers, body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got
    server.close()


async def exported() -> None:
    """One attempt, from the start of exporting to its end."""
    tracing.start_exporting()
    try:
        spec = Replay(openai_answer()).spec()
        attempt = Attempt(Purpose("course_outline"), 1, spec, "primary", usage=Usage(11, 3))
        await record(attempt, Outcome.SUCCEEDED)
    finally:
        await tracing.stop_exporting()


async def test_spans_and_metrics_go_where_the_standard_variable_says(collector: tuple[str, Collecting]) -> None:
    url, got = collector
    with environment(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=stoa-tests"):
        await exported()
    assert set(got.bodies) == {"/v1/traces", "/v1/metrics"}
    assert all(headers["x-tenant"] == "stoa-tests" for headers in got.headers)
    traces = ExportTraceServiceRequest.FromString(got.bodies["/v1/traces"][0])
    resource = {each.key: each.value.string_value for each in traces.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "stoa"
    assert [span.name for span in traces.resource_spans[0].scope_spans[0].spans] == ["chat replay-1"]
    metrics = ExportMetricsServiceRequest.FromString(got.bodies["/v1/metrics"][-1])
    named = {metric.name: metric for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
    assert set(named) == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
    duration = named["gen_ai.client.operation.duration"]
    assert duration.unit == "s"
    assert list(duration.histogram.data_points[0].explicit_bounds)[:3] == [0.01, 0.02, 0.04]


async def test_an_endpoint_for_spans_alone_sends_spans_alone(collector: tuple[str, Collecting]) -> None:
    url, got = collector
    with environment(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{url}/here", OTEL_RESOURCE_ATTRIBUTES="service.name=autumn"):
        await exported()
    assert set(got.bodies) == {"/here"}
    assert b"autumn" in got.bodies["/here"][0]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_collector_nothing_is_exported(variables: dict[str, str]) -> None:
    with environment(**variables):
        tracing.start_exporting()
    assert tracing.get_tracer() is None
    assert tracing.get_meter() is None


async def test_a_collector_that_never_answers_does_not_hold_up_the_end() -> None:
    held: list[asyncio.StreamWriter] = []

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    began = asyncio.get_running_loop().time()
    with environment(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_TIMEOUT="8"):
        await exported()
    assert asyncio.get_running_loop().time() - began < tracing.LAST_EXPORT + 1.5
    server.close()
    for writer in held:
        writer.close()
