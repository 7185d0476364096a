"""Chooses how a service traces."""

from sluice.tracing import NoTraces, Traces


def make(service: str, endpoint: str, ratio: float) -> Traces:
    """Traces to an OTLP endpoint (`http://HOST:PORT`, gRPC), or none where none is set."""
    if not endpoint:
        return NoTraces()
    # the SDK costs a fifth of a service's memory and start: only those who want traces pay for it
    from sluice.host.tracing_otlp import OtlpTraces, exporter

    return OtlpTraces(service, exporter(endpoint), ratio)
