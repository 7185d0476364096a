"""Whatever happens in whatever order: never more than the bounds, and every call either runs on one instance or is refused, once."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluice.function import Function
from sluice.outcome import Failure, FailureKind
from sluice_runner.fleet import State, Worker
from sluice_runner.pool import START_COUNTS_S, Limits, Pool, Refuse, StartWorker, StopWorker

LIMITS = Limits(memory_mb=700, starts=3, idle_s=5.0, hold_s=8.0)
SHAPES = ((128, 2, 1), (256, -1, 2), (128, 5, 3))
FAILURES = (
    Failure(FailureKind.INIT_FAILED, "init"),
    Failure(FailureKind.START_FAILED, "start"),
)


def a_function(number: int, generation: int, *, disabled: bool) -> Function:
    memory_mb, max_instances, concurrency = SHAPES[number]
    return Function(
        f"urn:fss:r:p:function:default:f{number}:latest",
        generation=generation,
        memory_mb=memory_mb,
        max_instances=0 if disabled else max_instances,
        instance_concurrency=concurrency,
    )


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool[int](LIMITS)
        self.now = 0.0
        self.calls = 0
        self.functions = [a_function(number, 1, disabled=False) for number in range(len(SHAPES))]
        self.held: set[int] = set()
        self.running: dict[int, Worker[int]] = {}
        self.ended: set[int] = set()
        self.starting: list[Worker[int]] = []
        self.ready: list[Worker[int]] = []
        self.stopping: list[Worker[int]] = []
        self.initialised: set[str] = set()

    @rule(which=st.integers(0, len(SHAPES) - 1))
    def submit(self, which: int) -> None:
        call, self.calls = self.calls, self.calls + 1
        worker = self.pool.take(call, self.functions[which], self.now)
        if worker is None:
            self.held.add(call)
        else:
            self._runs(call, worker)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), took=st.floats(0, 3))
    def answer(self, data: st.DataObject, took: float) -> None:
        call = data.draw(st.sampled_from(sorted(self.running)))
        worker = self.running.pop(call)
        self.ended.add(call)
        following = self.pool.release(worker, took, self.now)
        if following is not None:
            self.held.remove(following)
            self._runs(following, worker)

    @rule()
    def decide(self) -> None:
        for decision in self.pool.decide(self.now):
            match decision:
                case StartWorker(worker):
                    self.starting.append(worker)
                case StopWorker(worker, _):
                    assert worker.running == 0
                    assert worker in self.ready
                    self.ready.remove(worker)
                    self.stopping.append(worker)
                case Refuse(call, _):
                    self.held.remove(call)
                    self.ended.add(call)

    @precondition(lambda self: self.starting)
    @rule(data=st.data())
    def come_up(self, data: st.DataObject) -> None:
        worker = self.starting.pop(data.draw(st.integers(0, len(self.starting) - 1)))
        assert worker.name not in self.initialised, "an instance is initialised once"
        self.initialised.add(worker.name)
        self.ready.append(worker)
        for call in self.pool.ready(worker, self.now):
            self.held.remove(call)
            self._runs(call, worker)

    @precondition(lambda self: self.starting)
    @rule(data=st.data(), failure=st.sampled_from(FAILURES))
    def fail_to_start(self, data: st.DataObject, failure: Failure) -> None:
        worker = self.starting.pop(data.draw(st.integers(0, len(self.starting) - 1)))
        self.pool.start_failed(worker, failure, self.now)

    @precondition(lambda self: self.ready)
    @rule(data=st.data(), own=st.booleans())
    def die(self, data: st.DataObject, own: bool) -> None:
        worker = self.ready.pop(data.draw(st.integers(0, len(self.ready) - 1)))
        self.pool.ended(worker, Failure(FailureKind.CRASHED, "died") if own else None, self.now)
        for call in [call for call, on in self.running.items() if on is worker]:
            del self.running[call]
            self.ended.add(call)

    @precondition(lambda self: self.stopping)
    @rule()
    def stopped(self) -> None:
        self.pool.ended(self.stopping.pop(0), None, self.now)

    @rule(which=st.integers(0, len(SHAPES) - 1), disabled=st.booleans())
    def change(self, which: int, disabled: bool) -> None:
        self.functions[which] = a_function(which, self.functions[which].generation + 1, disabled=disabled)

    @rule(which=st.integers(0, len(SHAPES) - 1), count=st.integers(0, 3))
    def reserve(self, which: int, count: int) -> None:
        self.pool.reserve(self.functions[which], count)

    @rule(seconds=st.floats(0.001, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.pool.sweep(self.now)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.held)))
        assert any(self.pool.drop(call, function) for function in self.functions)
        self.held.remove(call)
        self.ended.add(call)

    def _runs(self, call: int, worker: Worker[int]) -> None:
        assert call not in self.running
        assert call not in self.ended
        assert worker in self.ready, "only an instance that is ready takes calls"
        assert worker.state is State.READY, "an instance that is being drained takes no calls"
        self.running[call] = worker

    @invariant()
    def every_call_is_in_one_place(self) -> None:
        assert len(self.held) + len(self.running) + len(self.ended) == self.calls
        assert self.pool.held == len(self.held)

    @invariant()
    def the_bounds_are_kept(self) -> None:
        alive = [*self.starting, *self.ready, *self.stopping]
        assert self.pool.committed_mb == sum(worker.function.memory_mb for worker in alive)
        assert self.pool.committed_mb <= LIMITS.memory_mb
        assert self.pool.starting == len(self.starting)
        assert sum(self.now - worker.started_at < START_COUNTS_S for worker in self.starting) <= LIMITS.starts
        for number, (_, max_instances, _) in enumerate(SHAPES):
            mine = [worker for worker in alive if worker.function.urn == self.functions[number].urn]
            assert max_instances < 0 or len(mine) <= max_instances

    @invariant()
    def no_instance_runs_more_than_its_places(self) -> None:
        for worker in self.ready:
            assert worker.running == sum(1 for on in self.running.values() if on is worker) <= worker.places

    @invariant()
    def credit_is_never_nothing_for_what_could_start(self) -> None:
        for function in self.functions:
            fleet = self.pool.fleets.get(function.urn)
            if fleet is None or not (fleet.held or self.now < fleet.blocked_until):
                assert self.pool.credit(function, self.now) > 0

    def teardown(self) -> None:
        """Left alone, with instances that start and calls that end, nothing stays held."""
        for _ in range(400):
            if not self.held and not self.running:
                return
            self.now += 0.5
            self._let_calls_end()
            self.decide()
            while self.stopping:
                self.stopped()
            while self.starting:
                self._let_one_start()
        assert not self.held, "a held call was forgotten"

    def _let_calls_end(self) -> None:
        for call, worker in list(self.running.items()):
            del self.running[call]
            self.ended.add(call)
            following = self.pool.release(worker, 0.1, self.now)
            if following is not None:
                self.held.remove(following)
                self._runs(following, worker)

    def _let_one_start(self) -> None:
        worker = self.starting.pop()
        self.ready.append(worker)
        for call in self.pool.ready(worker, self.now):
            self.held.remove(call)
            self._runs(call, worker)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
pytestmark = pytest.mark.timeout(120)
