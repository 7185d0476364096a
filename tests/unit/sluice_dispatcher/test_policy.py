"""The retry policy, row by row of its table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Mode
from sluice.event import Event
from sluice.function import Function
from sluice.ledger import End, Pending, Route
from sluice.outcome import Failure, FailureKind, Reply
from sluice_dispatcher.policy import (
    COUNTED,
    FUNCTION_HELD,
    LOST,
    MAX_LOSSES,
    NOT_BEGUN,
    Again,
    Finish,
    Hold,
    decide,
    expired,
    interrupted,
    retry_pause,
    waiting_pause,
)

URN = "urn:fss:local-1:p1:function:default:f:latest"
NOW = 1_000.0


def a_function(retries: int = 0, max_age_s: int = 3600) -> Function:
    return Function(URN, max_retries=retries, max_age_s=max_age_s)


def a_pending(mode: Mode = Mode.ASYNC, accepted_at: float = NOW) -> Pending:
    return Pending(1, Route("p1", "t1", URN, mode), Event(b"i" * 16, b"{}"), accepted_at)


def failed(kind: FailureKind) -> Reply:
    return Reply(500, failure=Failure(kind, "why"))


def judge(pending: Pending, reply: Reply, function: Function, now: float = NOW) -> Finish | Again | Hold:
    return decide(pending, reply, function, now, lambda: 0.5)


def test_an_answer_without_failure_is_a_success() -> None:
    pending = a_pending()
    assert judge(pending, Reply(204), a_function()) == Finish(End.SUCCESS, None)
    assert pending.executions == 1


def test_an_attempt_that_succeeds_counts_like_one_that_fails() -> None:
    pending = a_pending()
    judge(pending, failed(FailureKind.FUNCTION_ERROR), a_function(retries=1))
    judge(pending, Reply(status=200), a_function(retries=1))
    assert (pending.attempts, pending.executions) == (2, 2)


@pytest.mark.parametrize("kind", sorted(COUNTED))
def test_a_counted_failure_ends_without_configured_retries(kind: FailureKind) -> None:
    decision = judge(a_pending(), failed(kind), a_function(retries=0))
    assert isinstance(decision, Finish)
    assert decision.end is End.FAIL


@pytest.mark.parametrize("retries", [1, 2, 3])
def test_total_executions_are_one_more_than_the_retries(retries: int) -> None:
    pending, executions = a_pending(), 0
    while True:
        executions += 1
        decision = judge(pending, failed(FailureKind.FUNCTION_ERROR), a_function(retries))
        if isinstance(decision, Finish):
            break
    assert executions == retries + 1
    assert pending.attempts == retries + 1


@pytest.mark.parametrize("kind", sorted(NOT_BEGUN))
def test_what_never_began_uses_no_attempt(kind: FailureKind) -> None:
    pending = a_pending()
    decision = judge(pending, failed(kind), a_function(retries=0))
    assert isinstance(decision, Again)
    assert decision.at > NOW
    assert (pending.attempts, pending.executions) == (0, 0)


@pytest.mark.parametrize("kind", sorted(FUNCTION_HELD))
def test_a_function_that_cannot_start_holds_all_its_events(kind: FailureKind) -> None:
    assert isinstance(judge(a_pending(), failed(kind), a_function()), Hold)


@pytest.mark.parametrize("kind", sorted(LOST))
def test_a_lost_runner_repeats_the_event_at_once_but_not_for_ever(kind: FailureKind) -> None:
    pending = a_pending()
    for _ in range(MAX_LOSSES - 1):
        decision = judge(pending, failed(kind), a_function())
        assert isinstance(decision, Again)
        assert decision.at == NOW
    last = judge(pending, failed(kind), a_function())
    assert isinstance(last, Finish)
    assert last.failure is not None
    assert (last.end, last.failure.kind) == (End.FAIL, FailureKind.INTERRUPTED)
    assert pending.attempts == 0


@pytest.mark.parametrize("kind", sorted(COUNTED | LOST))
def test_a_recorded_event_is_never_run_twice(kind: FailureKind) -> None:
    decision = judge(a_pending(Mode.RECORDED), failed(kind), a_function(retries=3))
    assert isinstance(decision, Finish)
    assert decision.end is End.FAIL


def test_an_event_that_was_never_executed_is_discarded_by_age() -> None:
    decision = judge(a_pending(accepted_at=0.0), failed(FailureKind.NO_CAPACITY), a_function(max_age_s=60))
    assert isinstance(decision, Finish)
    assert decision.end is End.DISCARD


def test_an_event_that_was_executed_fails_by_age() -> None:
    pending = a_pending(accepted_at=0.0)
    decision = judge(pending, failed(FailureKind.TIMEOUT), a_function(retries=3, max_age_s=60))
    assert isinstance(decision, Finish)
    assert decision.end is End.FAIL


def test_an_event_at_its_maximum_age_still_runs() -> None:
    assert expired(a_pending(accepted_at=NOW - 60), a_function(max_age_s=60), NOW) is None


def test_a_call_of_unknown_fate_counts_as_a_loss_after_a_restart() -> None:
    pending = a_pending()
    assert isinstance(interrupted(pending, NOW), Again)
    assert pending.losses == 1


@given(attempts=st.integers(1, 50), jitter=st.floats(0, 0.999))
def test_pauses_double_within_their_bounds(attempts: int, jitter: float) -> None:
    pause = retry_pause(attempts, lambda: jitter)
    assert 0.75 <= pause <= 60.0
    assert pause <= 2.0 ** (attempts - 1)


@given(age=st.floats(0, 1e6), jitter=st.floats(0, 0.999))
def test_a_waiting_event_is_tried_at_least_once_a_minute(age: float, jitter: float) -> None:
    assert 0.75 <= waiting_pause(age, lambda: jitter) <= 60.0


def test_every_failure_of_a_call_is_in_the_table() -> None:
    ends = {FailureKind.FUNCTION_GONE, FailureKind.CANCELLED, FailureKind.EXPIRED, FailureKind.REFUSED}
    ends |= {FailureKind.PURGED, FailureKind.UNREADABLE}
    assert COUNTED | NOT_BEGUN | FUNCTION_HELD | LOST | ends == set(FailureKind)
