"""Spans and metrics as a collector would get them, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.core import tracing


@dataclass(frozen=True)
class Collector:
    """What was exported so far."""

    _spans: InMemorySpanExporter
    _metrics: InMemoryMetricReader

    def spans(self) -> list[ReadableSpan]:
        """Every span, in the order they ended."""
        return list(self._spans.get_finished_spans())

    def metrics(self) -> str:
        """Every metric as JSON."""
        data = self._metrics.get_metrics_data()
        return data.to_json() if data else ""


@contextmanager
def collected() -> Iterator[Collector]:
    """Inside, spans and metrics are exported to memory."""
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([metrics], shutdown_on_exit=False)
    tracing.export(traces, meters)
    try:
        yield Collector(spans, metrics)
    finally:
        tracing.export()
        traces.shutdown()
        meters.shutdown()
