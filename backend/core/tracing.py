"""Sending spans and metrics to an OpenTelemetry collector, where the standard variables name one.

The providers are ours alone and not OpenTelemetry's global ones: what other libraries would trace, addresses and
headers among it, is never sent. Without a collector nothing of the SDK is even imported.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer

from backend.core.masking import conceal

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

SCOPE = "stoa"
LAST_EXPORT = 2.0
"""Seconds that the last spans get when the process ends: a collector that is away must not hold it up."""

Signal = Literal["TRACES", "METRICS"]


@dataclass(slots=True)
class _Exports:
    """What is exported now; None is not."""

    tracer: Tracer | None = None
    meter: Meter | None = None
    stops: tuple[Callable[[], object], ...] = ()


_exports = _Exports()


def get_tracer() -> Tracer | None:
    """Where spans are begun; None when nobody collects them."""
    return _exports.tracer


def get_meter() -> Meter | None:
    """Where OTLP metrics are made; None when nobody collects them. `/api/metrics` has its own registry."""
    return _exports.meter


def start_exporting() -> None:
    """Export as `OTEL_EXPORTER_OTLP_ENDPOINT` and its like say; nothing when none of them is set."""
    _conceal_headers()
    traces, metrics = _wanted("TRACES"), _wanted("METRICS")
    if traces or metrics:
        resource = _resource()
        export(_tracer_provider(resource) if traces else None, _meter_provider(resource) if metrics else None)


def export(traces: "TracerProvider | None" = None, metrics: "MeterProvider | None" = None) -> None:
    """Export through these providers from now on; through none: not any more."""
    _exports.tracer = traces.get_tracer(SCOPE) if traces else None
    _exports.meter = metrics.get_meter(SCOPE) if metrics else None
    _exports.stops = tuple(provider.shutdown for provider in (traces, metrics) if provider)


async def stop_exporting() -> None:
    """Send what is left, for `LAST_EXPORT` seconds at most."""
    stops = [threading.Thread(target=stop, daemon=True) for stop in _exports.stops]
    export()
    for stop in stops:
        stop.start()
    give_up = time.monotonic() + LAST_EXPORT
    for stop in stops:
        await asyncio.to_thread(stop.join, max(0.0, give_up - time.monotonic()))


def _wanted(signal: Signal) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if os.environ.get(f"OTEL_{signal}_EXPORTER") == "none":
        return False
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", f"{signal}_"))


def _conceal_headers() -> None:
    """They carry the collector's key."""
    for part in ("", "TRACES_", "METRICS_"):
        for header in os.environ.get(f"OTEL_EXPORTER_OTLP_{part}HEADERS", "").split(","):
            conceal(header.partition("=")[2])


def _resource() -> "Resource":
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource

    return Resource({SERVICE_NAME: SCOPE}).merge(OTELResourceDetector().detect())


def _tracer_provider(resource: "Resource") -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _meter_provider(resource: "Resource") -> "MeterProvider":
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)
