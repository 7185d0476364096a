"""The pool: which instance takes a call, when to start or retire one. Pure: time is an argument, what to do is returned.

Rules. The first instance of a function starts at once; another only when its calls would wait longer than one takes to start.
Never more than the function's maximum, the node's memory, or a few starts at a time, shared fairly between functions; a start that takes
longer than most is not among the few any more, so that functions which never become ready hold up nobody else. A function
whose instances fail is held back, 1 s doubling to 60 s, and then probed with one instance. Reserved instances are started without a call,
never retired while they are not too many, and replaced when they end.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from msgspec import structs

from sluice.function import Function
from sluice.outcome import Failure, FailureKind
from sluice_runner.fleet import LAST_BACKOFF_S, Family, Fleet, Held, State, Worker

T = TypeVar("T")

MAX_INIT_MOVES = 3
CRASHES_TO_LOOP = 3
LASTING_S = 60.0
"""An instance that lived so long without a call belongs to no crash loop."""
START_COUNTS_S = 3.0
"""A start is one of the few that a node makes at a time for this long; then it waits for something rather than works."""
_WEIGHT = 0.1


class Limits(NamedTuple):
    """Bounds of one node. `hold_s`: how long a call may wait when nothing of its function is starting."""

    memory_mb: int
    starts: int
    idle_s: float = 60.0
    hold_s: float = 30.0


class StartWorker(NamedTuple, Generic[T]):
    worker: Worker[T]


class StopWorker(NamedTuple, Generic[T]):
    worker: Worker[T]
    why: str


class Refuse(NamedTuple, Generic[T]):
    call: T
    failure: Failure


Decision = StartWorker[T] | StopWorker[T] | Refuse[T]


class Pool(Generic[T]):
    def __init__(self, limits: Limits, prefix: str = "") -> None:
        self.limits = limits
        self._prefix = prefix
        self.fleets: dict[str, Fleet[T]] = {}
        """By `Function.place`."""
        self._families: WeakValueDictionary[str, Family] = WeakValueDictionary()
        self.committed_mb = 0
        self.starting = 0
        self.held = 0
        """Calls held, over all functions."""
        self.stirred = False
        """`decide` has something to do now, not at the next tick."""
        self._names = 0
        self._drained: list[Worker[T]] = []
        self._begun: deque[Worker[T]] = deque()
        """The starts that count, and some that are over, oldest first."""
        self._reserving: dict[str, Fleet[T]] = {}
        """The fleets that keep reserved instances, by `Function.place`."""

    def take(self, call: T, function: Function, now: float) -> Worker[T] | None:
        """The instance to run the call on, with a place of it taken; or None: the call is held."""
        place = function.place
        fleet = self.fleets.get(place)
        if fleet is None:
            fleet = self.fleets[place] = Fleet(function, self._family(function.urn))
        elif fleet.function is not function:
            self._adapt(fleet, function)
        if fleet.free and not fleet.held:
            worker = fleet.free[-1]
            worker.running += 1
            if worker.running >= worker.places:
                fleet.free.pop()
            return worker
        self._hold(fleet, call, now)
        return None

    def reserve(self, function: Function, count: int) -> None:
        """Keep `count` instances of the function from now on, whether there are calls or not. Those of an older generation are replaced;
        those that are too many age like any other."""
        place = function.place
        fleet = self.fleets.get(place)
        if fleet is None:
            if not count:
                return
            fleet = self.fleets[place] = Fleet(function, self._family(function.urn))
        elif fleet.function is not function:
            self._adapt(fleet, function)
        fleet.reserved = count
        if count:
            self._reserving[place] = fleet
        else:
            self._reserving.pop(place, None)
        self.stirred = True

    def disable(self, function: Function) -> None:
        """No instance of it, of whatever size, takes another call, and `decide` refuses those that are held. The next call that comes with
        another word about the function ends that."""
        for fleet in self.fleets.values():
            if fleet.function.urn == function.urn and fleet.may_live:
                fleet.function = structs.replace(fleet.function, max_instances=0)
                self._retire_all(fleet, "the function is disabled")
                self.stirred = True

    def release(self, worker: Worker[T], took_s: float, now: float) -> T | None:
        """A call of the instance has been answered: the next call for its place, or None."""
        fleet = worker.fleet
        fleet.call_s += (took_s - fleet.call_s) * _WEIGHT
        if fleet.crashed_in_a_row or fleet.backoff_s:
            fleet.forgive()
        worker.calls += 1
        return self._next(worker, now)

    def _next(self, worker: Worker[T], now: float) -> T | None:
        fleet = worker.fleet
        if worker.state is State.READY:
            if fleet.held:
                self.held -= 1
                return fleet.held.popleft().call
            if worker.running == worker.places:
                fleet.free.append(worker)
        worker.running -= 1
        if worker.running == 0:
            worker.idle_since = now
            if worker.state is State.DRAINING:
                self._drained.append(worker)
                self.stirred = True
        return None

    def ready(self, worker: Worker[T], now: float) -> list[T]:
        """The instance has started: the calls it takes at once, a place taken for each."""
        self._count_start_over(worker)
        if worker.state is State.DRAINING:
            self._drained.append(worker)
            self.stirred = True
            return []
        fleet = worker.fleet
        fleet.start_s += (now - worker.started_at - fleet.start_s) * (0.5 if fleet.init_failed_in_a_row == 0 else _WEIGHT)
        fleet.init_failed_in_a_row = 0
        worker.state = State.READY
        worker.idle_since = now
        calls = [fleet.held.popleft().call for _ in range(min(worker.places, len(fleet.held)))]
        self.held -= len(calls)
        worker.running = len(calls)
        if worker.running < worker.places:
            fleet.free.append(worker)
        return calls

    def start_failed(self, worker: Worker[T], failure: Failure, now: float) -> None:
        """The instance did not start, or its init failed. Nothing of it is left."""
        fleet = worker.fleet
        self._forget(worker)
        if worker.function.generation != fleet.function.generation:
            return
        fleet.failure = failure
        if failure.kind is FailureKind.INIT_FAILED:
            fleet.init_failures += 1
            fleet.init_failed_in_a_row += 1
            if fleet.init_failed_in_a_row <= MAX_INIT_MOVES:
                return
        fleet.hold_back(now)

    def ended(self, worker: Worker[T], failure: Failure | None, now: float) -> None:
        """A started instance is gone: `failure` if by itself, None if we ended it."""
        fleet = worker.fleet
        lasted = not worker.running and now - worker.started_at >= LASTING_S
        self._forget(worker)
        if failure is None or worker.function.generation != fleet.function.generation:
            return
        fleet.crashed_in_a_row = 1 if lasted else fleet.crashed_in_a_row + 1
        if fleet.crashed_in_a_row >= CRASHES_TO_LOOP:
            message = f"CrashLoopBackOff: the function's instances keep ending: {failure.message}"
            fleet.failure = Failure(FailureKind.CRASH_LOOP, message)
            fleet.hold_back(now)

    def retire(self, worker: Worker[T], why: str) -> None:
        """No further calls for this instance; it is stopped when its calls have ended."""
        if worker.state not in (State.STARTING, State.READY):
            return
        if worker in worker.fleet.free:
            worker.fleet.free.remove(worker)
        was = worker.state
        worker.state = State.DRAINING
        worker.why = why
        if was is State.READY and worker.running == 0:
            self._drained.append(worker)
            self.stirred = True

    def drop(self, call: T, function: Function) -> bool:
        """Forget a held call (it was cancelled)."""
        fleet = self.fleets.get(function.place)
        held = next((each for each in fleet.held if each.call is call), None) if fleet else None
        if fleet is None or held is None:
            return False
        fleet.held.remove(held)
        self.held -= 1
        return True

    def decide(self, now: float) -> list[Decision[T]]:
        """Everything that is to be done now."""
        self.stirred = False
        decisions: list[Decision[T]] = []
        if self.held:
            for fleet in self.fleets.values():
                decisions += self._refuse(fleet, now)
        if self.held or any(fleet.missing for fleet in self._reserving.values()):
            decisions += self._start(now)
        decisions += [StopWorker(worker, worker.why) for worker in self._drained]
        self._drained = []
        return decisions

    def sweep(self, now: float) -> list[str]:
        """Retire what has been idle for too long, and forget functions that have nothing; once a second is enough. Returns the functions
        that are no longer held back."""
        released = []
        for urn, fleet in list(self.fleets.items()):
            for worker in list(fleet.free):
                if worker.running == 0 and now - worker.idle_since >= self.limits.idle_s and fleet.spare > 0:
                    self.retire(worker, "idle")
            if fleet.blocked_until and now >= fleet.blocked_until:
                fleet.blocked_until = 0.0
                fleet.released_at = now
                released.append(urn)
            if fleet.backoff_s and any(worker.state is State.READY and now - worker.started_at >= LASTING_S for worker in fleet.workers):
                fleet.forgive()
            if not fleet.workers and not fleet.held and not fleet.reserved and now - fleet.released_at >= LAST_BACKOFF_S:
                del self.fleets[urn]
        return released

    def credit(self, function: Function, now: float) -> int:
        """Calls that may be started or held now. At least 1 for whatever could be started, and for what must be told that it cannot."""
        fleet = self.fleets.get(function.place)
        places = max(1, function.instance_concurrency)
        if fleet is None:
            return places * max(1, self._startable(None, function)) if function.max_instances else 1
        if not fleet.may_live:
            return 1
        active = list(fleet.active())
        live = sum(worker.places for worker in active)
        free = live - sum(worker.running for worker in active)
        if now < fleet.blocked_until:
            return max(0, free + fleet.hold(live) - len(fleet.held)) if active else 0
        startable = self._startable(fleet, function)
        if fleet.backoff_s:
            startable = min(startable, 0 if active else 1)
        credit = free + startable * places + fleet.hold(live) - len(fleet.held)
        return max(credit, 0 if fleet.held else 1)

    def _startable(self, fleet: Fleet[T] | None, function: Function) -> int:
        own = (fleet or Fleet[T](function, self._family(function.urn))).room
        memory = (self.limits.memory_mb - self.committed_mb) // max(1, function.memory_mb)
        return max(0, min(own, memory, self.limits.starts))

    def _family(self, urn: str) -> Family:
        family = self._families.get(urn)
        if family is None:
            family = self._families[urn] = Family()
        return family

    def _hold(self, fleet: Fleet[T], call: T, now: float) -> None:
        if not fleet.held or not fleet.workers:
            self.stirred = True
        fleet.held.append(Held(call, now, fleet.init_failures))
        self.held += 1

    def _adapt(self, fleet: Fleet[T], function: Function) -> None:
        """What the function is now. Its maximum may change without a new generation: then its instances stay, unless it is disabled."""
        if function.generation > fleet.function.generation:
            self._renew(fleet, function)
        elif function.generation == fleet.function.generation:
            fleet.function = function
            if not fleet.may_live:
                self._retire_all(fleet, "the function is disabled")

    def _renew(self, fleet: Fleet[T], function: Function) -> None:
        fleet.function = function
        fleet.init_failed_in_a_row = 0
        fleet.forgive()
        self._retire_all(fleet, "a newer version of the function")

    def _retire_all(self, fleet: Fleet[T], why: str) -> None:
        for worker in list(fleet.workers):
            self.retire(worker, why)

    def _count_start_over(self, worker: Worker[T]) -> None:
        if worker.starting:
            worker.starting = False
            worker.fleet.starting -= 1
            self.starting -= 1

    def _forget(self, worker: Worker[T]) -> None:
        if worker.state is State.ENDED:
            return
        fleet = worker.fleet
        self._count_start_over(worker)
        if worker in fleet.free:
            fleet.free.remove(worker)
        if worker in self._drained:
            self._drained.remove(worker)
        worker.state = State.ENDED
        fleet.workers.discard(worker)
        fleet.family.workers -= 1
        self.committed_mb -= worker.function.memory_mb
        self.stirred = True

    def _refuse(self, fleet: Fleet[T], now: float) -> Iterator[Refuse[T]]:
        """Held calls that will not be run."""
        kept: deque[Held[T]] = deque()
        for held in fleet.held:
            failure = self._refusal(fleet, held, now)
            if failure is None:
                kept.append(held)
            else:
                self.held -= 1
                yield Refuse(held.call, failure)
        fleet.held = kept

    def _refusal(self, fleet: Fleet[T], held: Held[T], now: float) -> Failure | None:
        if not fleet.may_live:
            return Failure(FailureKind.DISABLED, "Function Disabled")
        if fleet.init_failures - held.init_failures > MAX_INIT_MOVES and fleet.failure is not None:
            return fleet.failure
        if now < fleet.blocked_until and not any(True for _ in fleet.active()):
            return fleet.held_back_failure(now)
        if now - held.since >= self.limits.hold_s and not fleet.starting:
            return fleet.failure or Failure(FailureKind.NO_CAPACITY, f"no instance took the call within {self.limits.hold_s:g} s")
        return None

    def _start(self, now: float) -> Iterator[Decision[T]]:
        """Start what is wanted, the function with the fewest starts under way first."""
        for fleet in self.fleets.values():
            if fleet.held and not fleet.room and fleet.family.workers > len(fleet.workers):
                self._make_place(fleet)
        wanting = [fleet for fleet in self.fleets.values() if self._wants(fleet, now)]
        room = self.limits.starts - self._count_starts(now) if wanting else 0
        while wanting and room > 0:
            fleet = min(wanting, key=lambda each: (each.starting, each.last_start))
            if self.committed_mb + fleet.function.memory_mb > self.limits.memory_mb:
                self._make_room(fleet)
                wanting.remove(fleet)
                continue
            yield StartWorker(self._add(fleet, now))
            room -= 1
            if not self._wants(fleet, now):
                wanting.remove(fleet)

    def _count_starts(self, now: float) -> int:
        """Those under way that count against the limit."""
        while self._begun and (not self._begun[0].starting or now - self._begun[0].started_at >= START_COUNTS_S):
            self._begun.popleft()
        return sum(worker.starting for worker in self._begun)

    def _wants(self, fleet: Fleet[T], now: float) -> bool:
        if not fleet.room or now < fleet.blocked_until:
            return False
        if fleet.missing and not (fleet.backoff_s and fleet.starting):
            return True
        return bool(fleet.held) and self._wants_more(fleet, now)

    def _wants_more(self, fleet: Fleet[T], now: float) -> bool:
        """Whether the held calls are worth another instance."""
        places = max(1, fleet.function.instance_concurrency)
        live = sum(worker.places for worker in fleet.active())
        if live == 0:
            return True
        if fleet.backoff_s or len(fleet.held) <= fleet.starting * places:
            return False
        waits = max(now - fleet.held[0].since, len(fleet.held) * fleet.call_s / live)
        return waits > fleet.bearable_s

    def _add(self, fleet: Fleet[T], now: float) -> Worker[T]:
        self._names += 1
        worker = Worker(f"{fleet.function.urn.split(':')[-2]}-{self._prefix}{self._names}", fleet, now)
        fleet.workers.add(worker)
        fleet.family.workers += 1
        fleet.starting += 1
        fleet.last_start = now
        self.starting += 1
        self._begun.append(worker)
        self.committed_mb += fleet.function.memory_mb
        return worker

    def _make_place(self, fleet: Fleet[T]) -> None:
        """The function's maximum is used up, some of it by other memory sizes: what of them is idle goes, one at a time."""
        siblings = [other for other in self.fleets.values() if other.family is fleet.family and other is not fleet]
        others = [worker for other in siblings for worker in other.workers]
        idle = [worker for worker in others if worker.state is State.READY and worker.running == 0 and worker.fleet.spare > 0]
        if idle and not any(worker.state is State.DRAINING for worker in others):
            self.retire(min(idle, key=lambda worker: worker.idle_since), "another memory size is asked for")

    def _make_room(self, fleet: Fleet[T]) -> None:
        """The memory is used up: the longest idle instance of another function goes; if none is idle and this function has calls and
        nothing at all, one of the function with the most instances goes after its calls. Reserved instances stay."""
        others = [worker for other in self.fleets.values() if other is not fleet for worker in other.workers]
        if any(worker.state is State.DRAINING for worker in others):
            return
        others = [worker for worker in others if worker.fleet.spare > 0]
        idle = [worker for worker in others if worker.state is State.READY and worker.running == 0]
        if idle:
            self.retire(min(idle, key=lambda worker: worker.idle_since), "its memory is needed")
        elif not fleet.workers and fleet.held and others:
            largest = max((worker.fleet for worker in others), key=lambda other: len(other.workers))
            if len(largest.workers) > 1:
                self.retire(next(iter(largest.workers)), "its memory is needed")
