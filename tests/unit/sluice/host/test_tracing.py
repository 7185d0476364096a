"""Traces: sampled at the head, a child for each attempt, exported over real OTLP."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sluice.host.tracing import make
from sluice.host.tracing_otlp import OtlpTraces
from sluice.metrics import SPAN_ATTEMPT
from sluice.tracing import NoTraces

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_without_an_endpoint_nothing_is_recorded() -> None:
    traces = make("up", "", 1.0)
    assert isinstance(traces, NoTraces)
    assert traces.sampled() == ""
    assert traces.span(SPAN_ATTEMPT, PARENT, {}) is None


def test_an_unsampled_or_malformed_context_makes_no_span() -> None:
    traces = OtlpTraces("test", InMemorySpanExporter(), 1.0)
    for context in ("", PARENT[:-1] + "0", "00-xyz-01", PARENT.replace("4bf92f", "zzzzzz"), "00-" + "0" * 32 + "-" + "0" * 16 + "-01"):
        assert traces.span(SPAN_ATTEMPT, context, {}) is None
    traces.close()


def test_the_ratio_decides_at_the_head() -> None:
    assert OtlpTraces("test", InMemorySpanExporter(), 0.0).sampled() == ""
    assert len(OtlpTraces("test", InMemorySpanExporter(), 1.0).sampled()) == len(PARENT)


def test_a_span_is_a_child_in_the_same_trace_and_reaches_a_collector() -> None:
    received: list[ExportTraceServiceRequest] = []

    def export(request: ExportTraceServiceRequest, _context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        received.append(request)
        return ExportTraceServiceResponse()

    collector = grpc.server(ThreadPoolExecutor(1))
    handler = grpc.unary_unary_rpc_method_handler(
        export, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
    )
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    collector.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    port = collector.add_insecure_port("127.0.0.1:0")
    collector.start()
    traces = make("up", f"http://127.0.0.1:{port}", 1.0)
    span = traces.span(SPAN_ATTEMPT, PARENT, {"sluice.trigger": "t1"})
    assert span is not None
    assert span.traceparent[3:35] == PARENT[3:35]
    assert span.traceparent[36:52] != PARENT[36:52]
    span.end("timeout: why")
    traces.close()
    collector.stop(None)
    (sent,) = received[0].resource_spans[0].scope_spans[0].spans
    assert (sent.name, sent.parent_span_id.hex(), sent.status.message) == (SPAN_ATTEMPT, PARENT[36:52], "timeout: why")
