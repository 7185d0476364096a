"""Attempts on their way to the runner: what is called, and that a call which may run only once is on disk before it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from sluice.binding import Mode
from sluice.event import id_text
from sluice.function import Function
from sluice.ledger import Ledger, Pending
from sluice.metrics import SPAN_ATTEMPT
from sluice.outcome import Reply
from sluice.runner import Call, Done, Runner
from sluice.tracing import Span, Traces
from sluice_dispatcher.queue import FunctionQueue

Answered = Callable[[FunctionQueue, Pending, Call, Reply], None]


class Attempts:
    """`answered` hears of each attempt's reply."""

    def __init__(self, ledger: Ledger, runner: Runner, traces: Traces, answered: Answered) -> None:
        self._ledger = ledger
        self._runner = runner
        self._traces = traces
        self._answered = answered
        self._to_start: list[tuple[FunctionQueue, Pending, Function]] = []

    def begin(self, queue: FunctionQueue, pending: Pending, function: Function) -> None:
        """Call the function now, or with `begin_recorded` if the call is to be recorded first."""
        pending.version = function.urn
        if pending.route.mode is Mode.RECORDED:
            self._to_start.append((queue, pending, function))
        else:
            self._submit(queue, pending, function)

    def begin_recorded(self, tasks: asyncio.TaskGroup) -> None:
        """Begin the calls that are recorded first, once they are."""
        if self._to_start:
            batch, self._to_start = self._to_start, []
            # asked for here and not in the task: so it shares a commit with the ends that made room for these calls
            on_disk = self._ledger.start([pending for _, pending, _ in batch])
            tasks.create_task(self._start(on_disk, batch))

    async def _start(self, on_disk: Awaitable[None], batch: list[tuple[FunctionQueue, Pending, Function]]) -> None:
        await on_disk
        for queue, pending, function in batch:
            self._submit(queue, pending, function)

    def _submit(self, queue: FunctionQueue, pending: Pending, function: Function) -> None:
        event = pending.event
        span = self._span(pending, function) if event.trace else None
        call = Call(
            event.id,
            function,
            event.body,
            pending.executions + 1,
            "sync" if pending.route.mode is Mode.RECORDED else "async",
            pending.route.function.rpartition(":")[2],
            span.traceparent if span else event.trace,
        )
        done = partial(self._answered, queue, pending)
        self._runner.submit(call, partial(_traced, span, done) if span else done)

    def _span(self, pending: Pending, function: Function) -> Span | None:
        attributes: dict[str, str | int] = {
            "sluice.event": id_text(pending.event.id),
            "sluice.trigger": pending.route.trigger,
            "sluice.function": function.urn,
            "sluice.attempt": pending.executions + 1,
        }
        return self._traces.span(SPAN_ATTEMPT, pending.event.trace, attributes)


def _traced(span: Span, done: Done, call: Call, reply: Reply) -> None:
    span.end(f"{reply.failure.kind}: {reply.failure.message}" if reply.failure else "")
    done(call, reply)
