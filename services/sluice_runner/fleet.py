"""A fleet: the instances and the held calls of one function version and one memory size, as the pool sees them."""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from sluice.function import Function
from sluice.outcome import Failure, FailureKind

T = TypeVar("T")

DEFAULT_START_S = 0.1
LEAST_WAIT_S = 0.1
"""Of functions that start faster than this, too: below it, waiting says more about a busy machine than about missing instances."""
MAX_HOLD = 256
FIRST_BACKOFF_S = 1.0
LAST_BACKOFF_S = 60.0


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    ENDED = "ended"


class Worker(Generic[T]):
    """One instance, as the pool sees it."""

    __slots__ = ("calls", "fleet", "function", "idle_since", "name", "places", "running", "started_at", "starting", "state", "why")

    def __init__(self, name: str, fleet: "Fleet[T]", now: float) -> None:
        self.name = name
        self.fleet = fleet
        self.function = fleet.function
        self.places = max(1, fleet.function.instance_concurrency)
        self.running = 0
        self.calls = 0
        self.started_at = now
        self.idle_since = now
        self.state = State.STARTING
        self.starting = True
        self.why = ""


class Held(NamedTuple, Generic[T]):
    """A call that waits for an instance."""

    call: T
    since: float
    init_failures: int


class Family:
    """What the fleets of one function version have in common: its maximum counts the instances of all memory sizes together."""

    __slots__ = ("__weakref__", "workers")

    def __init__(self) -> None:
        self.workers = 0


class Fleet(Generic[T]):
    """All instances and held calls of one function version at one memory size."""

    def __init__(self, function: Function, family: Family | None = None) -> None:
        self.function = function
        self.family = family or Family()
        self.free: list[Worker[T]] = []
        """Ready instances with a free place; the last one is used first, so that the others can age."""
        self.workers: set[Worker[T]] = set()
        self.held: deque[Held[T]] = deque()
        self.start_s = DEFAULT_START_S
        self.call_s = 0.0
        self.init_failures = 0
        self.init_failed_in_a_row = 0
        self.crashed_in_a_row = 0
        self.backoff_s = 0.0
        self.blocked_until = 0.0
        self.released_at = 0.0
        self.failure: Failure | None = None
        self.starting = 0
        self.last_start = 0.0
        self.reserved = 0
        """Instances to keep whether there are calls or not."""

    def active(self) -> Iterator[Worker[T]]:
        return (worker for worker in self.workers if worker.state in (State.STARTING, State.READY))

    @property
    def may_live(self) -> bool:
        return self.function.max_instances != 0

    @property
    def missing(self) -> int:
        """Reserved instances that are not there, as far as the function's own maximum allows them."""
        return max(0, -self.spare)

    @property
    def spare(self) -> int:
        """Instances beyond the reserved ones; below 0: so many are missing."""
        maximum = self.function.max_instances
        kept = self.reserved if maximum < 0 else min(self.reserved, maximum)
        return sum(1 for _ in self.active()) - kept

    @property
    def busy(self) -> int:
        """Calls that run or wait."""
        return sum(worker.running for worker in self.workers) + len(self.held)

    def hold_back(self, now: float) -> None:
        """Its instances fail: the next start waits, twice as long as the last time."""
        self.backoff_s = min(LAST_BACKOFF_S, self.backoff_s * 2 or FIRST_BACKOFF_S)
        self.blocked_until = now + self.backoff_s

    def forgive(self) -> None:
        """An instance did well, or is of a newer version: what failed before counts no more."""
        self.crashed_in_a_row = 0
        self.backoff_s = self.blocked_until = 0.0
        self.failure = None

    def held_back_failure(self, now: float) -> Failure:
        """What a call is told while the function is held back."""
        failure = self.failure or Failure(FailureKind.CRASH_LOOP)
        return Failure(failure.kind, f"{failure.message} (next start in {self.blocked_until - now:.1f} s)")

    @property
    def bearable_s(self) -> float:
        """Calls may wait this long before another instance is worth its start."""
        return max(self.start_s, LEAST_WAIT_S)

    def hold(self, live: int) -> int:
        """How many calls may be held for `live` places: so many that no place starves over a round trip, and that a backlog which
        outlasts a start can be seen here at all, although most of it is kept elsewhere."""
        # Compared before it is made a whole number: calls may be as short as the clock can tell.
        seen = 1.2 * live * self.bearable_s / self.call_s if self.call_s else 0.0
        return max(live, MAX_HOLD if seen >= MAX_HOLD else int(seen) + bool(seen))

    @property
    def room(self) -> int:
        """Instances the function's own maximum still allows."""
        maximum = self.function.max_instances
        return 1_000_000 if maximum < 0 else max(0, maximum - self.family.workers)
