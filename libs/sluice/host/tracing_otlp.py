"""Traces that are exported by OTLP, with the OpenTelemetry SDK."""

import random
import secrets
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from sluice.tracing import Span

SAMPLED = "-01"
LENGTH = 55
"""Characters of a version 00 traceparent."""


def exporter(endpoint: str) -> SpanExporter:
    """To `http://HOST:PORT` in clear, to `https://HOST:PORT` by TLS."""
    return OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))


class OtlpTraces:
    """Exports sampled spans, in batches, from a thread of the SDK."""

    def __init__(self, service: str, exporter: SpanExporter, ratio: float) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": f"sluice-{service}"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sluice")
        self._ratio = ratio

    def sampled(self) -> str:
        if random.random() >= self._ratio:  # noqa: S311 - chooses samples, guards nothing
            return ""
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}{SAMPLED}"

    def span(self, name: str, traceparent: str, attributes: Mapping[str, str | int]) -> Span | None:
        parent = _context(traceparent)
        if parent is None:
            return None
        context = trace.set_span_in_context(NonRecordingSpan(parent))
        return _OtlpSpan(self._tracer.start_span(name, context, SpanKind.CONSUMER, dict(attributes)))

    def close(self) -> None:
        self._provider.shutdown()


class _OtlpSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}{SAMPLED}"

    def end(self, error: str = "") -> None:
        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


def _context(traceparent: str) -> SpanContext | None:
    """The context of a sampled traceparent; None for an unsampled or malformed one."""
    if not traceparent.endswith(SAMPLED) or len(traceparent) != LENGTH or not traceparent.startswith("00-"):
        return None
    try:
        context = SpanContext(int(traceparent[3:35], 16), int(traceparent[36:52], 16), is_remote=True, trace_flags=TraceFlags(1))
    except ValueError:
        return None
    return context if context.is_valid else None
