"""The register of metric and span names, and counters cheap enough for the hot path.

Every name that Sluice exports is a constant here, and a test sees each of them emitted. Values are plain dictionaries that a scrape
reads; nothing is formatted before somebody asks. Labels never hold unbounded values: series of triggers are cut to the 2,000 most recently
active, the rest are summed as `other`.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_SERIES = 2_000
OTHER = "other"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One exported name, what it means, and the names of its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


RECEIVED = Metric("sluice_events_received_total", Kind.COUNTER, "Events accepted or refused, by trigger.", ("trigger",))
ENDED = Metric("sluice_events_ended_total", Kind.COUNTER, "Events that ended, by trigger and end.", ("trigger", "end"))
PENDING = Metric("sluice_events_pending", Kind.GAUGE, "Accepted events that wait for an attempt.", ("trigger",))
RUNNING = Metric("sluice_events_running", Kind.GAUGE, "Accepted events whose function runs now.", ("trigger",))
FILTERED = Metric("sluice_records_filtered_total", Kind.COUNTER, "Records that matched no filter.", ("trigger",))
CALLS = Metric("sluice_calls_total", Kind.COUNTER, "Synchronous calls, by result.", ("result",))
RETRIES = Metric("sluice_attempts_failed_total", Kind.COUNTER, "Attempts that did not end an event, by reason.", ("reason",))
RESTARTS = Metric("sluice_trigger_restarts_total", Kind.COUNTER, "Starts of a trigger after it stopped by itself.", ("reason",))
COMMITS = Metric("sluice_ledger_commits_total", Kind.COUNTER, "Commits of the ledger.")
LEDGER_BYTES = Metric("sluice_ledger_bytes", Kind.GAUGE, "Size of the ledger on disk.")
INSTANCES = Metric("sluice_instances", Kind.GAUGE, "Instances, by state.", ("state",))
GENERATION = Metric("sluice_catalog_generation", Kind.GAUGE, "Generation of the catalog that this service has reached.")
LATE_SETTLES = Metric("sluice_ledger_late_settles_total", Kind.COUNTER, "Ends reported for events that had already ended.")
UNREPORTED = Metric(
    "sluice_ends_unreported_total", Kind.COUNTER, "Ends whose destination cannot be reached yet, by its kind.", ("destination",)
)
UNKNOWN_SENDERS = Metric("sluice_senders_refused_total", Kind.COUNTER, "Requests whose sender could not be known, by reason.", ("reason",))
DISPATCHER_UP = Metric(
    "sluice_dispatcher_up", Kind.GAUGE, "Whether a gateway of the mesh can read the dispatcher's figures; 0: those of events are absent."
)

REGISTER = (
    RECEIVED,
    ENDED,
    PENDING,
    RUNNING,
    FILTERED,
    CALLS,
    RETRIES,
    RESTARTS,
    COMMITS,
    LEDGER_BYTES,
    INSTANCES,
    GENERATION,
    LATE_SETTLES,
    UNREPORTED,
    DISPATCHER_UP,
    UNKNOWN_SENDERS,
)

SPAN_RECEIVE = "sluice.receive"
SPAN_ATTEMPT = "sluice.attempt"

Sample = tuple[Metric, tuple[str, ...], float]
Series = dict[tuple[str, ...], float]
"""The values of one metric by those of its labels."""


class Counter:
    """A counter of one metric: a dictionary from label values to a number."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, *labels: str, by: float = 1.0) -> None:
        self.values[labels] = self.values.get(labels, 0.0) + by

    def samples(self) -> Iterable[Sample]:
        return [(self.metric, labels, value) for labels, value in self.values.items()]


class Exposition:
    """Everything one process exports, gathered when it is scraped."""

    def __init__(self) -> None:
        self._sources: list[Callable[[], Iterable[Sample]]] = []
        self._far: list[Callable[[], Awaitable[Iterable[Sample]]]] = []

    def add(self, source: Callable[[], Iterable[Sample]]) -> None:
        self._sources.append(source)

    def add_far(self, source: Callable[[], Awaitable[Iterable[Sample]]]) -> None:
        """A source in another process. It answers soon, whatever becomes of that process."""
        self._far.append(source)

    def samples(self) -> Iterator[Sample]:
        """Of this process, bounded."""
        for metric, series in self._gathered(()):
            for labels, value in series.items():
                yield metric, labels, value

    async def page(self) -> str:
        """The Prometheus text format, version 0.0.4, of this process and of what is far."""
        return self.text([sample for source in self._far for sample in await source()])

    def text(self, more: Iterable[Sample] = ()) -> str:
        """As `page`, of this process and `more`."""
        lines: list[str] = []
        for metric, series in self._gathered(more):
            lines += (f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}")
            lines += (_line(metric, labels, value) for labels, value in series.items())
        return "\n".join(lines) + "\n"

    def _gathered(self, more: Iterable[Sample]) -> Iterator[tuple[Metric, Series]]:
        by_metric: OrderedDict[str, tuple[Metric, Series]] = OrderedDict()
        for samples in (*(source() for source in self._sources), more):
            for metric, labels, value in samples:
                series = by_metric.setdefault(metric.name, (metric, {}))[1]
                series[labels] = series.get(labels, 0.0) + value
        for metric, series in by_metric.values():
            yield metric, _bounded(series)


def _bounded(series: Series) -> Series:
    """At most MOST_SERIES label values; what is older in the dictionary is summed as `other`."""
    excess = len(series) - MOST_SERIES
    if excess <= 0:
        return series
    kept: Series = {}
    for index, (labels, value) in enumerate(series.items()):
        name = (OTHER, *labels[1:]) if index < excess else labels
        kept[name] = kept.get(name, 0.0) + value
    return kept


def _line(metric: Metric, labels: tuple[str, ...], value: float) -> str:
    if not labels:
        return f"{metric.name} {value:.17g}"
    pairs = ",".join(f'{name}="{_escape(text)}"' for name, text in zip(metric.labels, labels, strict=True))
    return f"{metric.name}{{{pairs}}} {value:.17g}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
