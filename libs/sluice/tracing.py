"""Traces: W3C trace context from the source to the function, sampled at the head.

Whoever begins a trace decides once whether it is sampled; an event of an unsampled trace costs a look at two characters. Without an OTLP
endpoint nothing is recorded, but a trace context that came with a record still reaches the function.
"""

from collections.abc import Mapping
from typing import Protocol


class Span(Protocol):
    """Something being measured. `traceparent` is what goes on to the next one."""

    traceparent: str

    def end(self, error: str = "") -> None: ...


class Traces(Protocol):
    """Begins traces and spans."""

    def sampled(self) -> str:
        """The traceparent of a new trace, or "" when this one is not sampled."""
        ...

    def span(self, name: str, traceparent: str, attributes: Mapping[str, str | int]) -> Span | None:
        """A child of a sampled `traceparent`; None for any other, at almost no cost."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTraces:
    """Records nothing."""

    def sampled(self) -> str:
        return ""

    def span(self, name: str, traceparent: str, attributes: Mapping[str, str | int]) -> Span | None:
        return None

    def close(self) -> None: ...
