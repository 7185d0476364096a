"""What happens after an attempt: the retry policy as one pure function over one table."""

from collections.abc import Callable
from dataclasses import dataclass

from sluice.binding import Mode
from sluice.function import Function
from sluice.ledger import End, Pending
from sluice.outcome import Failure, FailureKind, Reply

MAX_LOSSES = 5
LONGEST_PAUSE_S = 60.0

COUNTED = frozenset(
    {
        FailureKind.FUNCTION_ERROR,
        FailureKind.TIMEOUT,
        FailureKind.CRASHED,
        FailureKind.OUT_OF_MEMORY,
        FailureKind.ANSWER_TOO_LARGE,
        FailureKind.BAD_ANSWER,
    }
)
"""The function was executed and is to blame: the attempt counts."""

NOT_BEGUN = frozenset({FailureKind.NO_CAPACITY, FailureKind.THROTTLED, FailureKind.CONNECTION_RESET})
"""Nobody executed anything: the event waits a little and no attempt is used."""

FUNCTION_HELD = frozenset({FailureKind.START_FAILED, FailureKind.INIT_FAILED, FailureKind.CRASH_LOOP, FailureKind.DISABLED})
"""The function cannot run at all: all its events wait together, and one of them probes."""

LOST = frozenset({FailureKind.LOST, FailureKind.INTERRUPTED})
"""The runner or its node went away in the middle."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The event ends."""

    end: End
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Again:
    """The event runs again at `at` (seconds since the epoch)."""

    at: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Hold:
    """The event waits with all others of its function until the function can run again."""

    failure: Failure


Decision = Finish | Again | Hold
SUCCEEDED = Finish(End.SUCCESS, None)


def decide(pending: Pending, reply: Reply, function: Function, now: float, jitter: Callable[[], float]) -> Decision:
    """Judge one reply. `pending` has the counts from before this attempt and gets those from after it.

    `jitter` answers a number in [0, 1).
    """
    failure = reply.failure
    if failure is None:
        pending.attempts += 1
        pending.executions += 1
        return SUCCEEDED
    if failure.kind in COUNTED:
        return _counted(pending, failure, function, now, jitter)
    if failure.kind in LOST:
        return _lost(pending, failure, now)
    if failure.kind in NOT_BEGUN:
        return _unless_expired(pending, function, now, Again(now + waiting_pause(now - pending.accepted_at, jitter), failure))
    if failure.kind in FUNCTION_HELD:
        return _unless_expired(pending, function, now, Hold(failure))
    if failure.kind is FailureKind.CANCELLED and reply.instance:
        pending.executions += 1
    return give_up(pending, failure)


def expired(pending: Pending, function: Function, now: float) -> Finish | None:
    """The end of an event that is too old, or None while it is not."""
    if now - pending.accepted_at <= function.max_age_s:
        return None
    why = f"older than {function.max_age_s} s" + (f"; last: {pending.reason}" if pending.reason else "")
    return give_up(pending, Failure(FailureKind.EXPIRED, why))


def give_up(pending: Pending, failure: Failure) -> Finish:
    """FAIL if the function was ever executed for it, else DISCARD."""
    return Finish(End.FAIL if pending.executions else End.DISCARD, failure)


def interrupted(pending: Pending, now: float) -> Decision:
    """An event that was running when the dispatcher died and whose call has an unknown fate."""
    return _lost(pending, Failure(FailureKind.INTERRUPTED, "it was running when its dispatcher ended"), now)


def retry_pause(attempts: int, jitter: Callable[[], float]) -> float:
    """Seconds before the attempt that follows `attempts` counted ones: 1 s doubling to 60 s, the last quarter of it at random."""
    pause = min(LONGEST_PAUSE_S, 2.0 ** max(0, attempts - 1))
    return pause * (0.75 + 0.25 * jitter())


def waiting_pause(age_s: float, jitter: Callable[[], float]) -> float:
    """Seconds until an event that could not begin is tried again. As long as it already waited, so it doubles without a counter."""
    return min(LONGEST_PAUSE_S, max(1.0, age_s)) * (0.75 + 0.25 * jitter())


def _counted(pending: Pending, failure: Failure, function: Function, now: float, jitter: Callable[[], float]) -> Decision:
    pending.attempts += 1
    pending.executions += 1
    if pending.route.mode is Mode.RECORDED or pending.attempts > function.max_retries:
        return Finish(End.FAIL, failure)
    return _unless_expired(pending, function, now, Again(now + retry_pause(pending.attempts, jitter), failure))


def _lost(pending: Pending, failure: Failure, now: float) -> Decision:
    pending.losses += 1
    pending.executions += 1
    if pending.route.mode is Mode.RECORDED or pending.losses >= MAX_LOSSES:
        return Finish(End.FAIL, Failure(FailureKind.INTERRUPTED, failure.message))
    return Again(now, failure)


def _unless_expired(pending: Pending, function: Function, now: float, decision: Decision) -> Decision:
    return expired(pending, function, now) or decision
