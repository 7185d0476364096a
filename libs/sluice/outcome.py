"""Answers: what became of an event that was handed over (`Outcome`), and what a function said (`Reply`)."""

import math
from collections.abc import Mapping
from enum import Enum, StrEnum

import msgspec


class Verdict(Enum):
    """DONE: accepted, or answered. RETRY: offer it again, not sooner than the hint. REFUSED: recorded as refused, never again."""

    DONE = "done"
    RETRY = "retry"
    REFUSED = "refused"


class FailureKind(StrEnum):
    """Why a call did not end with 2xx. The dispatcher's policy table is written in these words."""

    FUNCTION_ERROR = "function_error"
    """The function answered with something other than 2xx."""
    TIMEOUT = "timeout"
    """No whole answer within the function's timeout; its instance was killed."""
    CRASHED = "crashed"
    """The instance ended, or closed the connection, in the middle of the call."""
    OUT_OF_MEMORY = "out_of_memory"
    """The instance was killed for its memory during the call."""
    ANSWER_TOO_LARGE = "answer_too_large"
    """The answer's body is over 6 MiB."""
    BAD_ANSWER = "bad_answer"
    """What came back is not HTTP."""
    NO_CAPACITY = "no_capacity"
    """No instance could take it: the node's budget or the function's maximum is used up."""
    THROTTLED = "throttled"
    """A bound of the mesh was hit before the call began."""
    CONNECTION_RESET = "connection_reset"
    """A reused connection was reset before any byte of the answer."""
    START_FAILED = "start_failed"
    """An instance could not be started, or never opened its port."""
    INIT_FAILED = "init_failed"
    """`/init` failed or timed out on the instance and on its replacements."""
    CRASH_LOOP = "crash_loop"
    """The function's instances keep ending; starts are held back."""
    LOST = "lost"
    """The runner or its node was lost during the call."""
    INTERRUPTED = "interrupted"
    """It ran when its runner or the dispatcher died, and may not run again."""
    DISABLED = "disabled"
    """The function's maximum number of instances is 0."""
    FUNCTION_GONE = "function_gone"
    """The function or its version no longer exists."""
    CANCELLED = "cancelled"
    """Somebody asked for its end."""
    EXPIRED = "expired"
    """Older than its maximum age."""
    REFUSED = "refused"
    """It could not be accepted: over a limit, unreadable."""
    PURGED = "purged"
    """An operator removed it."""
    UNREADABLE = "unreadable"
    """The stored event cannot be decoded."""


RUNTIME_CODES: Mapping[FailureKind, tuple[int, str]] = {
    FailureKind.FUNCTION_ERROR: (500, "FunctionReturnError"),
    FailureKind.TIMEOUT: (408, "FunctionTimeout"),
    FailureKind.CRASHED: (500, "FunctionCrashed"),
    FailureKind.OUT_OF_MEMORY: (500, "RuntimeMemoryLimitExceeded"),
    FailureKind.ANSWER_TOO_LARGE: (507, "FunctionResponseTooLarge"),
    FailureKind.BAD_ANSWER: (502, "FunctionBadResponse"),
    FailureKind.CANCELLED: (4208, "FunctionInvocationCanceled"),
}
"""Failures of the function itself, with the code and the errorType that FunctionGraph's callers see. All others are the platform's."""


class Failure(msgspec.Struct, frozen=True):
    """A failed call as data. `message` is for people and never holds the event's body or a secret."""

    kind: FailureKind
    message: str = ""


class Reply(msgspec.Struct, gc=False):
    """What came back from one call: the HTTP answer of the function, or the failure that took its place.

    `status` is the function's HTTP status, or 0 if there was none. `duration_ms` is measured in the runner, from the first byte
    sent to the last received. `memory_mb` is the instance's use after the call, 0 where it is not known. `log` is the tail of what the
    instance printed during the call and is filled only when asked for.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    instance: str = ""
    cold: bool = False
    duration_ms: float = 0.0
    memory_mb: float = 0.0
    log: str = ""

    @property
    def billed_ms(self) -> int:
        """Begun milliseconds."""
        return math.ceil(self.duration_ms)


class Outcome(msgspec.Struct, frozen=True):
    """The answer to one record or slice that was handed over. `reply` is there for synchronous calls only. `known` comes with RETRY:
    the records of these ids were accepted before, offer the event again without them; nothing of it was accepted now. `full` comes with
    RETRY too: as much of the trigger is open as may be, and whoever waits for the answer had better not (an HTTP sender is told 429)."""

    verdict: Verdict
    reason: str = ""
    retry_after_s: float = 0.0
    reply: Reply | None = None
    event_id: bytes = b""
    known: tuple[str, ...] = ()
    full: bool = False


DONE = Outcome(Verdict.DONE)
