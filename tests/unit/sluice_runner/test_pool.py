from collections.abc import Iterable

import pytest

from sluice.function import Function
from sluice.outcome import Failure, FailureKind
from sluice_runner.fleet import State, Worker
from sluice_runner.pool import START_COUNTS_S, Decision, Limits, Pool, Refuse, StartWorker, StopWorker

LIMITS = Limits(memory_mb=1024, starts=4, idle_s=60.0, hold_s=30.0)
INIT_FAILED = Failure(FailureKind.INIT_FAILED, "/init answered with status 500")
START_FAILED = Failure(FailureKind.START_FAILED, "port 8000 did not open")
CRASHED = Failure(FailureKind.CRASHED, "exit code 1")


def function(
    name: str = "one", *, memory_mb: int = 128, max_instances: int = 400, instance_concurrency: int = 1, generation: int = 1
) -> Function:
    return Function(
        f"urn:fss:r:p:function:default:{name}:latest",
        generation=generation,
        memory_mb=memory_mb,
        max_instances=max_instances,
        instance_concurrency=instance_concurrency,
    )


def started(decisions: Iterable[Decision[str]]) -> list[Worker[str]]:
    return [decision.worker for decision in decisions if isinstance(decision, StartWorker)]


def stopped(decisions: Iterable[Decision[str]]) -> list[Worker[str]]:
    return [decision.worker for decision in decisions if isinstance(decision, StopWorker)]


def refused(decisions: Iterable[Decision[str]]) -> dict[str, FailureKind]:
    return {decision.call: decision.failure.kind for decision in decisions if isinstance(decision, Refuse)}


def up(pool: Pool[str], call: str, which: Function, now: float = 0.0) -> Worker[str]:
    """A function's first instance, running `call`."""
    assert pool.take(call, which, now) is None
    (worker,) = started(pool.decide(now))
    assert pool.ready(worker, now) == [call]
    return worker


def test_the_first_instance_starts_at_once_and_takes_the_call() -> None:
    pool = Pool[str](LIMITS)
    assert pool.take("a", function(), 0.0) is None
    (worker,) = started(pool.decide(0.0))
    assert pool.ready(worker, 0.1) == ["a"]
    assert pool.release(worker, 0.01, 0.2) is None
    assert pool.take("b", function(), 0.3) is worker


def test_a_second_instance_waits_until_the_calls_would_wait_longer_than_a_start_takes() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.fleets[function().urn].start_s = 0.5
    pool.take("b", function(), 0.0)
    assert started(pool.decide(0.4)) == []
    assert len(started(pool.decide(0.6))) == 1
    assert worker.running == 1


def test_a_long_queue_of_slow_calls_starts_instances_before_any_has_waited() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.release(worker, 60.0, 60.0)
    for call in ("b", "c", "d"):
        pool.take(call, function(), 60.0)
    assert len(started(pool.decide(60.0))) == 2


def test_fast_calls_in_a_long_queue_start_nothing() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.release(worker, 0.0001, 1.0)
    for number in range(50):
        pool.take(f"b{number}", function(), 1.0)
    assert started(pool.decide(1.0)) == []


def test_no_more_instances_than_the_functions_maximum() -> None:
    pool = Pool[str](LIMITS)
    for number in range(10):
        pool.take(f"a{number}", function(max_instances=2), 0.0)
    first = started(pool.decide(0.0))
    pool.ready(first[0], 0.1)
    assert len(first) + len(started(pool.decide(20.0))) == 2


def test_a_disabled_function_is_told_so_and_its_instances_go() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.release(worker, 0.1, 0.1)
    pool.take("b", function(max_instances=0, generation=2), 0.2)
    decisions = pool.decide(0.2)
    assert refused(decisions) == {"b": FailureKind.DISABLED}
    assert stopped(decisions) == [worker]


def test_what_is_held_for_a_function_that_is_disabled_meanwhile_is_refused_and_what_runs_goes_on() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function(max_instances=1))
    assert pool.take("b", function(max_instances=1), 0.1) is None
    pool.disable(function(max_instances=0))
    assert refused(pool.decide(0.2)) == {"b": FailureKind.DISABLED}
    assert pool.release(worker, 0.1, 0.3) is None
    assert stopped(pool.decide(0.3)) == [worker]
    pool.ended(worker, None, 0.4)
    assert pool.take("c", function(max_instances=1), 0.5) is None
    assert len(started(pool.decide(0.5))) == 1


def test_the_nodes_memory_is_never_exceeded() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=300))
    for number in range(10):
        pool.take(f"a{number}", function(f"f{number}"), 0.0)
    assert len(started(pool.decide(0.0))) == 2
    assert pool.committed_mb == 256


def test_an_idle_instance_of_another_function_makes_room() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=128))
    worker = up(pool, "a", function("first"))
    pool.release(worker, 0.1, 0.1)
    pool.take("b", function("second"), 0.2)
    assert stopped(pool.decide(0.2)) == [worker]
    pool.ended(worker, None, 0.3)
    assert len(started(pool.decide(0.3))) == 1


def test_a_function_with_nothing_gets_an_instance_of_one_that_has_most() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=256))
    big = function("big")
    first = up(pool, "a", big)
    pool.take("b", big, 0.0)
    (second,) = started(pool.decide(10.0))
    pool.ready(second, 10.0)
    pool.take("c", function("small"), 10.0)
    assert stopped(pool.decide(10.0)) == []
    leaving = first if first.state is State.DRAINING else second
    pool.release(leaving, 0.1, 10.1)
    assert stopped(pool.decide(10.1)) == [leaving]


def test_starts_are_few_at_a_time_and_shared_between_functions() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=100_000))
    greedy, modest = function("greedy"), function("modest")
    worker = up(pool, "a", greedy)
    pool.release(worker, 100.0, 0.0)
    for number in range(100):
        pool.take(f"g{number}", greedy, 0.0)
    pool.take("m", modest, 0.0)
    begun = started(pool.decide(0.0))
    assert len(begun) == 4
    assert modest.urn in {each.function.urn for each in begun}


def test_starts_that_take_long_hold_up_no_other_function() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=100_000))
    for number in range(LIMITS.starts):
        pool.take(f"stuck-{number}", function(f"stuck-{number}"), 0.0)
    assert len(started(pool.decide(0.0))) == LIMITS.starts
    for number in range(LIMITS.starts + 1):
        pool.take(f"sound-{number}", function(f"sound-{number}"), 0.1)
    assert started(pool.decide(START_COUNTS_S - 0.1)) == []
    assert len(started(pool.decide(START_COUNTS_S))) == LIMITS.starts
    assert started(pool.decide(START_COUNTS_S + 0.1)) == [], "and these are few again"


def test_an_instance_takes_as_many_calls_as_its_concurrency() -> None:
    pool = Pool[str](LIMITS)
    wide = function(instance_concurrency=3)
    worker = up(pool, "a", wide)
    assert [pool.take(call, wide, 0.0) for call in ("b", "c", "d")] == [worker, worker, None]
    assert pool.release(worker, 0.1, 0.1) == "d"


def test_held_calls_run_in_order() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function(max_instances=1))
    for call in ("b", "c"):
        pool.take(call, function(max_instances=1), 0.0)
    assert [pool.release(worker, 0.1, 0.1), pool.release(worker, 0.1, 0.2)] == ["b", "c"]


def test_the_most_recently_used_instance_is_used_so_that_others_age() -> None:
    pool = Pool[str](LIMITS)
    first = up(pool, "a", function())
    pool.take("b", function(), 0.0)
    (second,) = started(pool.decide(9.0))
    pool.ready(second, 9.0)
    pool.release(first, 1.0, 10.0)
    pool.release(second, 1.0, 11.0)
    assert pool.take("c", function(), 12.0) is second


def test_an_idle_instance_goes_after_its_time() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.release(worker, 0.1, 10.0)
    pool.sweep(69.0)
    assert stopped(pool.decide(69.0)) == []
    pool.sweep(70.0)
    assert stopped(pool.decide(70.0)) == [worker]
    assert pool.take("b", function(), 70.1) is None


def test_a_newer_generation_drains_the_old_instances() -> None:
    pool = Pool[str](LIMITS)
    old = up(pool, "a", function())
    assert pool.take("b", function(generation=2), 1.0) is None
    decisions = pool.decide(1.0)
    (new,) = started(decisions)
    assert stopped(decisions) == []
    assert pool.release(old, 0.1, 1.1) is None
    assert stopped(pool.decide(1.1)) == [old]
    assert pool.ready(new, 1.2) == ["b"]


def test_an_instance_that_was_starting_for_an_older_generation_takes_nothing() -> None:
    pool = Pool[str](LIMITS)
    pool.take("a", function(), 0.0)
    (old,) = started(pool.decide(0.0))
    pool.take("b", function(generation=2), 0.1)
    (new,) = started(pool.decide(0.1))
    assert pool.ready(old, 0.2) == []
    assert stopped(pool.decide(0.2)) == [old]
    assert pool.ready(new, 0.3) == ["a"]


def test_a_failed_init_moves_the_call_three_times_then_it_fails() -> None:
    pool = Pool[str](LIMITS)
    pool.take("a", function(), 0.0)
    for attempt in range(4):
        decisions = pool.decide(float(attempt))
        assert refused(decisions) == {}
        (worker,) = started(decisions)
        pool.start_failed(worker, INIT_FAILED, attempt + 0.5)
    assert refused(pool.decide(4.0)) == {"a": FailureKind.INIT_FAILED}


def test_a_call_that_four_inits_failed_is_told_so_although_an_older_instance_lives() -> None:
    pool = Pool[str](LIMITS)
    up(pool, "a", function())
    pool.take("b", function(), 0.0)
    for attempt in range(1, 5):
        (worker,) = started(pool.decide(float(attempt)))
        pool.start_failed(worker, INIT_FAILED, float(attempt))
    assert refused(pool.decide(5.0)) == {"b": FailureKind.INIT_FAILED}


def test_a_failed_start_is_told_at_once_and_held_back() -> None:
    pool = Pool[str](LIMITS)
    pool.take("a", function(), 0.0)
    (worker,) = started(pool.decide(0.0))
    pool.start_failed(worker, START_FAILED, 1.0)
    assert refused(pool.decide(1.0)) == {"a": FailureKind.START_FAILED}
    assert pool.credit(function(), 1.5) == 0
    pool.take("b", function(), 1.5)
    decisions = pool.decide(1.5)
    assert started(decisions) == []
    assert refused(decisions) == {"b": FailureKind.START_FAILED}


def test_back_off_doubles_to_a_minute_and_one_instance_probes() -> None:
    pool = Pool[str](LIMITS)
    now, waits = 0.0, []
    for _ in range(8):
        for number in range(3):
            pool.take(f"{now}-{number}", function(), now)
        (worker,) = started(pool.decide(now))
        pool.start_failed(worker, START_FAILED, now)
        waits.append(pool.fleets[function().urn].blocked_until - now)
        pool.decide(now)
        now += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_success_ends_the_back_off() -> None:
    pool = Pool[str](LIMITS)
    pool.take("a", function(), 0.0)
    pool.start_failed(started(pool.decide(0.0))[0], START_FAILED, 0.0)
    pool.decide(0.0)
    worker = up(pool, "b", function(), 2.0)
    pool.release(worker, 0.1, 2.1)
    assert pool.fleets[function().urn].backoff_s == 0


def test_instances_that_keep_ending_are_a_crash_loop_with_its_name() -> None:
    pool = Pool[str](LIMITS)
    for number in range(3):
        worker = up(pool, f"a{number}", function(), float(number))
        pool.ended(worker, CRASHED, number + 0.5)
    pool.take("b", function(), 2.6)
    (refusal,) = [each for each in pool.decide(2.6) if isinstance(each, Refuse)]
    assert refusal.failure.kind is FailureKind.CRASH_LOOP
    assert "exit code 1" in refusal.failure.message


def test_answered_calls_between_two_ends_are_no_crash_loop() -> None:
    pool = Pool[str](LIMITS)
    for number in range(6):
        worker = up(pool, f"a{number}", function(), float(number))
        if number % 2:
            pool.release(worker, 0.1, float(number))
        pool.ended(worker, CRASHED, number + 0.5)
    assert pool.credit(function(), 7.0) > 0


def test_a_held_call_gets_no_capacity_after_a_bounded_wait() -> None:
    pool = Pool[str](LIMITS)
    up(pool, "a", function(max_instances=1))
    pool.take("b", function(max_instances=1), 0.0)
    assert refused(pool.decide(29.9)) == {}
    assert refused(pool.decide(30.0)) == {"b": FailureKind.NO_CAPACITY}


def test_a_held_call_that_waited_in_vain_is_told_why_the_last_start_failed() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=128))
    pool.take("a", function(), 0.1)
    (worker,) = started(pool.decide(0.1))
    pool.take("b", function("other"), 0.5)
    pool.start_failed(worker, INIT_FAILED, 1.0)
    (other,) = started(pool.decide(1.0))
    assert pool.ready(other, 1.0) == ["b"], "it has all the memory from now on"
    assert refused(pool.decide(30.0)) == {}
    assert refused(pool.decide(30.1)) == {"a": FailureKind.INIT_FAILED}


def test_a_cancelled_call_is_no_longer_held() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function(max_instances=1))
    pool.take("b", function(max_instances=1), 0.0)
    assert pool.drop("b", function())
    assert not pool.drop("b", function())
    assert pool.release(worker, 0.1, 0.1) is None


@pytest.mark.parametrize("max_instances", [1, 400, -1])
def test_credit_of_a_function_never_called_is_what_could_be_started(max_instances: int) -> None:
    credit = Pool[str](LIMITS).credit(function(max_instances=max_instances, instance_concurrency=10), 0.0)
    assert credit == (10 if max_instances == 1 else 40)


def test_credit_counts_free_places_startable_instances_and_as_many_held_calls_as_places() -> None:
    pool = Pool[str](LIMITS)
    which = function(max_instances=2)
    up(pool, "a", which)
    assert pool.credit(which, 0.0) == 0 + 1 + 1
    pool.take("b", which, 0.0)
    pool.take("c", which, 0.0)
    assert pool.credit(which, 0.0) == 0


def test_a_backlog_kept_elsewhere_is_let_in_as_far_as_it_takes_to_see_that_it_outlasts_a_start() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.fleets[function().urn].call_s = 0.01
    for number in range(pool.credit(function(), 0.0)):
        pool.take(f"b{number}", function(), 0.0)
    assert len(started(pool.decide(0.0))) == 1
    assert worker.running == 1


def test_credit_is_never_nothing_while_nothing_is_held() -> None:
    pool = Pool[str](LIMITS._replace(memory_mb=128))
    up(pool, "a", function("first"))
    assert pool.credit(function("second"), 0.0) == 1
    assert pool.credit(function("disabled", max_instances=0), 0.0) == 1


def test_functions_that_have_nothing_are_forgotten() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function())
    pool.release(worker, 0.1, 0.1)
    pool.ended(worker, None, 1.0)
    pool.sweep(100.0)
    assert pool.fleets == {}


def decided(pool: Pool[str], now: float) -> list[Worker[str]]:
    """What is started now, all of it ready at once."""
    workers = started(pool.decide(now))
    for worker in workers:
        assert pool.ready(worker, now) == []
    return workers


def test_reserved_instances_start_without_a_call_and_stay_however_long_they_idle() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 2)
    assert pool.stirred
    assert len(decided(pool, 0.0)) == 2
    assert started(pool.decide(1.0)) == []
    pool.sweep(10_000.0)
    assert stopped(pool.decide(10_000.0)) == []
    assert pool.take("a", function(), 10_001.0) is not None


def test_instances_beyond_the_reserved_ones_age_like_any_other() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 3)
    decided(pool, 0.0)
    pool.reserve(function(), 1)
    pool.sweep(60.0)
    assert len(stopped(pool.decide(60.0))) == 2
    pool.reserve(function(), 0)
    pool.sweep(120.0)
    assert len(stopped(pool.decide(120.0))) == 1


def test_a_reserved_instance_that_ends_is_replaced_at_once() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 2)
    worker, _ = decided(pool, 0.0)
    pool.ended(worker, CRASHED, 5.0)
    assert pool.stirred
    assert len(started(pool.decide(5.0))) == 1


def test_reserved_instances_that_keep_ending_are_held_back_and_probed_one_at_a_time() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 2)
    now = 0.0
    for worker in [*decided(pool, now), *decided(pool, now)]:
        pool.ended(worker, CRASHED, now)
    (worker, _) = decided(pool, now)
    pool.ended(worker, CRASHED, now)
    assert started(pool.decide(0.5)) == []
    assert len(started(pool.decide(1.0))) == 1
    assert started(pool.decide(1.0)) == []


def test_instances_that_end_after_a_long_life_are_no_crash_loop() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 1)
    for hour in range(1, 10):
        (worker,) = decided(pool, hour * 3600.0)
        pool.ended(worker, CRASHED, hour * 3600.0 + 3000.0)
    assert len(decided(pool, 36_000.0)) == 1


def test_what_lasts_after_a_crash_loop_forgives_it() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 2)
    for _ in range(3):
        for worker in decided(pool, 0.0)[:1]:
            pool.ended(worker, CRASHED, 0.0)
    assert pool.fleets[function().urn].backoff_s
    pool.sweep(70.0)
    assert not pool.fleets[function().urn].backoff_s


def test_a_newer_generation_replaces_reserved_instances_and_no_call_is_refused() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(), 1)
    (old,) = decided(pool, 0.0)
    assert pool.take("running", function(), 1.0) is old
    newer = function(generation=2)
    pool.reserve(newer, 1)
    (new,) = started(pool.decide(2.0))
    assert old.state is State.DRAINING
    assert pool.take("waiting", newer, 2.0) is None
    assert pool.ready(new, 2.1) == ["waiting"]
    pool.release(old, 1.0, 2.5)
    assert stopped(pool.decide(2.5)) == [old]


def test_no_more_are_reserved_than_the_functions_maximum_allows() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function(max_instances=2), 5)
    assert len(decided(pool, 0.0)) == 2
    assert started(pool.decide(0.0)) == []


def test_reserved_instances_are_kept_from_functions_that_need_memory_and_take_what_idles() -> None:
    pool = Pool[str](LIMITS)
    pool.reserve(function("kept", memory_mb=512), 1)
    decided(pool, 0.0)
    idle = up(pool, "a", function("idle", memory_mb=512))
    pool.release(idle, 0.1, 0.1)
    pool.reserve(function("another", memory_mb=512), 1)
    decisions = pool.decide(1.0)
    assert (started(decisions), stopped(decisions)) == ([], [idle])
    pool.ended(idle, None, 1.1)
    assert len(decided(pool, 1.1)) == 1
    pool.take("b", function("late", memory_mb=512), 2.0)
    assert stopped([*pool.decide(2.0), *pool.decide(2.0)]) == []


def test_a_maximum_that_changes_alone_counts_at_once_and_disabling_ends_what_runs() -> None:
    pool = Pool[str](LIMITS)
    worker = up(pool, "a", function(max_instances=1))
    pool.release(worker, 0.1, 0.1)
    disabled = function(max_instances=0)
    assert pool.take("b", disabled, 0.2) is None
    decisions = pool.decide(0.2)
    assert refused(decisions) == {"b": FailureKind.DISABLED}
    assert stopped(decisions) == [worker]


def test_calls_shorter_than_a_clock_can_tell_leave_the_credit_bounded() -> None:
    pool = Pool[str](LIMITS)
    pool.take("a", function(), 0.0)
    (worker,) = started(pool.decide(0.0))
    pool.ready(worker, 0.1)
    pool.decide(0.1)
    pool.release(worker, 2.2e-311, 0.1)
    assert 1 <= pool.credit(function(), 0.2) <= 10_000
