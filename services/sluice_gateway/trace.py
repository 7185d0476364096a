"""W3C trace context at the door: taken from the sender, or begun here when this request is sampled."""

import re
from collections.abc import Awaitable

from sluice.metrics import SPAN_RECEIVE
from sluice.outcome import Outcome, Verdict
from sluice.tracing import Span, Traces

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Receiving:
    """Hands events over inside a span, where their trace is sampled."""

    __slots__ = ("_traces",)

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def begin(self, header: str | None, name: str) -> tuple[str, Span | None]:
        """The trace context that goes on with the event ("" for a new trace that is not sampled), and the span to end once it was
        handed over. `name` is the trigger, or the function of an invocation."""
        parent = header if header is not None and _PARENT.fullmatch(header) else self._traces.sampled()
        if not parent:
            return "", None
        span = self._traces.span(SPAN_RECEIVE, parent, {"sluice.for": name})
        return (span.traceparent if span else parent), span


async def within(span: Span | None, handing_over: Awaitable[Outcome]) -> Outcome:
    """The outcome; the span ends with it, and names what went wrong."""
    if span is None:
        return await handing_over
    error = "interrupted"
    try:
        outcome = await handing_over
        error = "" if outcome.verdict is Verdict.DONE else outcome.reason
        return outcome
    finally:
        span.end(error)
