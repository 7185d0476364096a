"""What a runner holds for its dispatchers."""

import pytest

from sluice.clock import SteppedClock
from sluice.function import Function
from sluice.outcome import Reply
from sluice.runner import Call
from sluice.wire.faults import Fenced
from sluice.wire.held import Held, Holdings

ID = b"0123456789abcdef"
CALL = Call(ID, Function("urn"), b"")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def holdings(clock: SteppedClock) -> Holdings:
    return Holdings(clock.monotonic, 900)


def begun(holdings: Holdings, attempt: int = 1, process: str = "one") -> Held:
    held, fresh = holdings.begin((ID, attempt), "ledger", process, holdings.ended)
    assert fresh
    return held


def test_a_call_that_is_offered_again_is_not_run_again(holdings: Holdings) -> None:
    held = begun(holdings)
    assert holdings.begin((ID, 1), "ledger", "one", holdings.ended) == (held, False)


def test_a_retry_by_the_same_dispatcher_is_another_call(holdings: Holdings) -> None:
    begun(holdings).done(CALL, Reply(500))
    begun(holdings, 2)
    assert len(holdings) == 2


def test_the_next_dispatcher_gets_the_reply_of_the_attempt_that_was_under_way(holdings: Holdings) -> None:
    held = begun(holdings)
    assert holdings.greet("ledger", 2, "two", []) == [held]
    taken, fresh = holdings.begin((ID, 2), "ledger", "two", holdings.ended)
    assert (taken is held, fresh, taken.key, taken.process) == (True, False, (ID, 2), "two")
    held.done(CALL, Reply(200))
    holdings.forget([held])
    assert len(holdings) == 0


def test_a_reply_that_has_arrived_is_forgotten_at_the_reconnect(holdings: Holdings) -> None:
    begun(holdings).done(CALL, Reply(200))
    assert holdings.greet("ledger", 1, "one", []) == []
    assert len(holdings) == 0


def test_a_reply_that_is_waited_for_is_kept(holdings: Holdings) -> None:
    held = begun(holdings)
    held.done(CALL, Reply(200))
    assert holdings.greet("ledger", 1, "one", [(ID, 1)]) == [held]


def test_an_older_epoch_is_fenced_and_another_lease_is_not(holdings: Holdings) -> None:
    holdings.greet("ledger", 5, "new", [])
    with pytest.raises(Fenced, match="epoch 4"):
        holdings.greet("ledger", 4, "old", [])
    holdings.greet("ledger", 5, "new", [])
    holdings.greet("other", 1, "one", [])


def test_replies_that_nobody_asks_for_are_kept_for_a_quarter_of_an_hour(holdings: Holdings, clock: SteppedClock) -> None:
    begun(holdings).done(CALL, Reply(200))
    clock.advance(899)
    assert len(holdings.greet("ledger", 2, "two", [])) == 1
    clock.advance(2)
    assert holdings.greet("ledger", 3, "three", []) == []
    assert len(holdings) == 0


def test_a_running_call_is_never_forgotten(holdings: Holdings, clock: SteppedClock) -> None:
    begun(holdings)
    clock.advance(10_000)
    assert len(holdings.greet("ledger", 2, "two", [])) == 1
