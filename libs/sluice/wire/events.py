"""Events, replies and outcomes as messages, and back."""

from collections.abc import Sequence

import msgspec

from sluice.event import Event
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict
from sluice.v1 import dispatch_pb2, event_pb2
from sluice.wire.columns import Malformed, column, split_ids, spread
from sluice.wire.faults import fault_of, revived

MAX_BODY_BYTES = 15 * 1024 * 1024
"""The largest body that surely fits into a message with what stands beside it."""

Headers = tuple[tuple[str, str], ...]

_VERDICTS = {
    Verdict.DONE: dispatch_pb2.VERDICT_DONE,
    Verdict.RETRY: dispatch_pb2.VERDICT_RETRY,
    Verdict.REFUSED: dispatch_pb2.VERDICT_REFUSED,
}
_BACK = {number: verdict for verdict, number in _VERDICTS.items()}


def fitting(event: Event) -> Event:
    """The event, cut to what a message can carry. A body of that size is over every limit: whoever receives the event refuses it."""
    if len(event.body) <= MAX_BODY_BYTES:
        return event
    return msgspec.structs.replace(event, body=event.body[:MAX_BODY_BYTES])


def pack_events(events: Sequence[Event]) -> event_pb2.Events:
    return event_pb2.Events(
        ids=b"".join([event.id for event in events]),
        bodies=[event.body for event in events],
        lanes=column([event.lane for event in events], ""),
        records=column([event.records for event in events], 1),
        traces=column([event.trace for event in events], ""),
        choices=column([event.choice for event in events], ""),
        refusals=column([event.refused for event in events], ""),
    )


def unpack_events(packed: event_pb2.Events) -> list[Event]:
    """Raises Malformed."""
    bodies = packed.bodies
    count = len(bodies)
    return list(
        map(
            Event,
            split_ids(packed.ids, count),
            bodies,
            spread(packed.lanes, count, ""),
            spread(packed.records, count, 1),
            spread(packed.traces, count, ""),
            spread(packed.choices, count, ""),
            spread(packed.refusals, count, ""),
        )
    )


def pack_replies(replies: Sequence[Reply]) -> event_pb2.Replies:
    sets: dict[Headers, int] = {}
    headers = [(sets.setdefault(reply.headers, len(sets) + 1) if reply.headers else 0) for reply in replies]
    packed = event_pb2.Replies(
        statuses=column([reply.status for reply in replies], 200),
        bodies=[reply.body for reply in replies],
        durations_ms=[reply.duration_ms for reply in replies],
        memories_mb=column([reply.memory_mb for reply in replies], 0.0),
        instances=column([reply.instance for reply in replies], ""),
        cold=column([reply.cold for reply in replies], False),
        headers=column(headers, 0),
        header_sets=[_pack_headers(each) for each in sets],
    )
    for index, reply in enumerate(replies):
        if reply.failure is not None:
            packed.failures.append(event_pb2.Failure(reply=index, kind=reply.failure.kind, message=reply.failure.message))
        if reply.log:
            packed.printed.append(event_pb2.Printed(reply=index, text=reply.log))
    return packed


def unpack_replies(packed: event_pb2.Replies) -> list[Reply]:
    """Raises Malformed."""
    bodies = packed.bodies
    count = len(bodies)
    sets: list[Headers] = [(), *(tuple((each.name, each.value) for each in chosen.headers) for chosen in packed.header_sets)]
    try:
        replies = [
            Reply(status, body, sets[headers], None, instance, cold, duration_ms, memory_mb)
            for status, body, headers, instance, cold, duration_ms, memory_mb in zip(
                spread(packed.statuses, count, 200),
                bodies,
                spread(packed.headers, count, 0),
                spread(packed.instances, count, ""),
                spread(packed.cold, count, False),
                packed.durations_ms,
                spread(packed.memories_mb, count, 0.0),
                strict=True,
            )
        ]
        for failure in packed.failures:
            replies[failure.reply].failure = Failure(_kind(failure.kind), failure.message)
        for printed in packed.printed:
            replies[printed.reply].log = printed.text
    except (IndexError, ValueError) as error:
        raise Malformed(f"replies contradict each other: {error}") from None
    return replies


def _pack_headers(headers: Headers) -> event_pb2.HeaderSet:
    return event_pb2.HeaderSet(headers=[event_pb2.Header(name=name, value=value) for name, value in headers])


def _kind(word: str) -> FailureKind:
    try:
        return FailureKind(word)
    except ValueError:
        raise Malformed(f"{word!r} is no kind of failure") from None


def pack_outcome(number: int, outcome: Outcome | BaseException) -> dispatch_pb2.Outcome:
    """An outcome, or the exception that took its place."""
    if isinstance(outcome, BaseException):
        return dispatch_pb2.Outcome(number=number, fault=fault_of(outcome))
    return dispatch_pb2.Outcome(
        number=number,
        verdict=_VERDICTS[outcome.verdict],
        reason=outcome.reason,
        retry_after_s=outcome.retry_after_s,
        event_id=outcome.event_id,
        known=outcome.known,
        full=outcome.full,
    )


def unpack_outcome(packed: dispatch_pb2.Outcome) -> Outcome | Exception:
    """Raises Malformed."""
    if packed.HasField("fault"):
        return revived(packed.fault)
    verdict, known = verdict_of(packed.verdict), tuple(packed.known)
    return Outcome(verdict, packed.reason, packed.retry_after_s, None, packed.event_id, known, packed.full)


def verdict_number(verdict: Verdict) -> dispatch_pb2.Verdict:
    return _VERDICTS[verdict]


def verdict_of(number: dispatch_pb2.Verdict) -> Verdict:
    verdict = _BACK.get(number)
    if verdict is None:
        raise Malformed(f"{number} is no verdict")
    return verdict
