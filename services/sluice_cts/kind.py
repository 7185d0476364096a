"""What the mesh knows of the cts kind."""

from collections.abc import Callable

from sluice.binding import Binding, Ordering
from sluice.event import Record
from sluice.filters import Match
from sluice.readable_files import ReadableFiles
from sluice.settings import Settings
from sluice.trigger import Trigger, TriggerKind
from sluice_cts.operations import ANY, parsed, selection
from sluice_cts.settings import CtsSettings
from sluice_cts.shape import shape, value_of
from sluice_cts.trace import Trace, User
from sluice_cts.trigger import TRACKER, CtsTrigger


def bounded(process: Settings) -> Callable[[Binding, CtsSettings], Trigger]:
    readable = ReadableFiles(process.readable_directories)
    return lambda binding, settings: CtsTrigger(settings, readable)


def selects(settings: CtsSettings) -> Match:
    return selection(settings.operations)


def sample(settings: CtsSettings) -> Record:
    """A trace of the first operation."""
    operation = parsed(settings.operations[0])
    service, resources, operations = operation or (ANY, {ANY}, {ANY})
    trace = Trace(
        time=0,
        user=User("alice", "u1"),
        code=200,
        service_type=_word(service, "FunctionGraph"),
        resource_type=_word(min(resources), "function"),
        resource_name="hello",
        trace_name=_word(min(operations), "create_function"),
        record_time=0,
        trace_id="69be64a7-0000-4000-8000-000000000000",
    )
    return Record(value_of(trace), TRACKER, trace.trace_id, 0)


def _word(word: str, instead: str) -> str:
    return instead if word == ANY else word


KIND = TriggerKind(
    name="cts",
    types=("CTS",),
    settings=CtsSettings,
    shape=shape,
    build=bounded(Settings()),
    bounded=bounded,
    source_of=lambda settings: settings.audit_log or TRACKER,
    replayable=False,
    fixed=frozenset({"CTS"}),
    sample=sample,
    pushed=True,
    orderings=(Ordering.NONE, Ordering.SOURCE),
    selects=selects,
)
