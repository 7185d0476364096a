"""Which operations a trigger is for: `service:resources:operations`. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from sluice.errors import Fault
from sluice.event import Record
from sluice.filters import Match

MOST = 100
ANY = "*"
_REMEMBERED = 10_000
"""Decisions that are kept: a trail repeats itself."""
UNMATCHED = "operations"
"""What `explain` and dry-run name when no operation of the trigger is the trace's."""


class Operation(NamedTuple):
    """One entry; `*` stands for any service, resource or operation."""

    service: str
    resources: frozenset[str]
    operations: frozenset[str]


class _Key(msgspec.Struct):
    """What of a trace decides."""

    service_type: str
    resource_type: str
    trace_name: str


def parsed(text: str) -> Operation | None:
    """None for what is not `service:resource;resource:operation;operation`."""
    parts = text.split(":")
    if len(parts) != 3:
        return None
    service, resources, operations = (frozenset(part.split(";")) for part in parts)
    if len(service) != 1 or "" in service | resources | operations:
        return None
    return Operation(next(iter(service)), resources, operations)


def faults(texts: Sequence[str]) -> Iterator[tuple[str, Fault]]:
    """What is wrong with a trigger's operations, each with FunctionGraph's code for it."""
    if len(texts) > MOST:
        yield "FSS.1313", Fault("operations", f"has {len(texts)} entries, and at most {MOST}")
    seen: set[Operation] = set()
    for text in texts:
        operation = parsed(text)
        if operation is None:
            yield "FSS.0400", Fault("operations", f"{text[:80]!r} is not service:resource;resource:operation;operation")
        elif operation in seen:
            yield "FSS.1316", Fault("operations", f"{text[:80]!r} is there twice")
        else:
            seen.add(operation)


def selection(texts: Sequence[str]) -> Match:
    """Chooses the records whose trace is one of the operations."""
    chosen = [operation for operation in map(parsed, texts) if operation]
    decode = msgspec.json.Decoder(_Key).decode
    known: dict[tuple[str, str, str], bool] = {}

    def match(record: Record) -> str:
        try:
            key = decode(record.value or b"")
        except msgspec.DecodeError:
            return "the value is not a trace"
        words = (key.service_type, key.resource_type, key.trace_name)
        if words not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[words] = any(_is(operation, words) for operation in chosen)
        return "" if known[words] else UNMATCHED

    return match


def _is(operation: Operation, words: tuple[str, str, str]) -> bool:
    service, resource, name = words
    return (
        operation.service in (ANY, service)
        and not operation.resources.isdisjoint((ANY, resource))
        and not operation.operations.isdisjoint((ANY, name))
    )
