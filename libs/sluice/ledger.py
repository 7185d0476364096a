"""The ledger's port: the durable record of accepted events, their attempts and their ends.

One implementation is `sluice_dispatcher.ledger_sqlite`; a fake for tests passes the same contract suite. All methods are called from
one event loop. What returns an awaitable returns when the change is on disk; many calls share one commit. Times are seconds since
the epoch by the ledger's clock.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from sluice.binding import Mode
from sluice.errors import SluiceError
from sluice.event import Event
from sluice.outcome import FailureKind
from sluice.usage import Usage, UsageFilter

SHARDS = 256
"""Lanes hash to this many shards; one dispatcher leases a shard and alone runs it."""


class SourceKey(msgspec.Struct, frozen=True, gc=False):
    """What has a position: one source of one incarnation of a trigger."""

    trigger: str
    incarnation: str
    source: str


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The right to read a source, from `position` on (None: nothing was ever accepted). A newer epoch ends it."""

    key: SourceKey
    epoch: int
    position: str | None


class Route(msgspec.Struct, frozen=True):
    """Where accepted events go; kept with them, so that a trigger may be changed or deleted while they wait."""

    project: str
    trigger: str
    function: str
    """Full URN with version or !alias, as it was at acceptance."""
    mode: Mode
    kind: str = ""


class Slice(msgspec.Struct, frozen=True, gc=False):
    """What is accepted at once from a source: 0..n events and the position after them.

    Accepted only while `claim` is the current one and `claim.position`, or the `to` of the slice before, equals `start`.
    `filtered` counts records inside that matched no filter. `refused` are events that no function may receive, and why: each is received
    and DISCARD, with its body, in the same transaction, so that the position never passes one unrecorded and none is recorded twice.
    """

    key: SourceKey
    epoch: int
    start: str | None
    to: str
    events: Sequence[Event]
    filtered: int = 0
    refused: Sequence[tuple[Event, str]] = ()


class Push(msgspec.Struct, frozen=True, gc=False):
    """Events of a source without positions. `dedupe` holds for each event the ids of its records, as far as they have any. An id is known
    while its event is pending, and for 10 minutes after it came.

    An event whose ids are all known is answered as accepted and changes nothing. `refused` and `filtered` are as in a slice;
    `dedupe` goes on with the ids of what is refused. Two events of one push have all their ids in common or none.
    """

    events: Sequence[Event]
    dedupe: Sequence[tuple[str, ...]] = ()
    filtered: int = 0
    refused: Sequence[tuple[Event, str]] = ()


class Pending(msgspec.Struct):
    """An accepted event that has not ended. `sequence` orders all of them and is the ledger's name for it.

    `attempts` counts those that count (policy.py); `executions` all calls whose function began; `losses` runner or node losses.
    `due` is when it may run (0: now). `version` is the function version resolved at its first attempt, "" before.
    """

    sequence: int
    route: Route
    event: Event
    accepted_at: float
    attempts: int = 0
    executions: int = 0
    losses: int = 0
    due: float = 0.0
    version: str = ""
    reason: str = ""


class End(StrEnum):
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    DISCARD = "DISCARD"


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The end of an event. FAIL and DISCARD keep the body until redriven, purged or 14 days old."""

    pending: Pending
    end: End
    at: float
    duration_ms: float = 0.0
    failure: FailureKind | None = None
    message: str = ""
    status: int = 0


class Retry(msgspec.Struct, frozen=True, gc=False):
    """An attempt that did not end the event. The counts and `due` of `pending` are already those of the next attempt."""

    pending: Pending
    failure: FailureKind
    message: str
    at: float


class Dead(msgspec.Struct, frozen=True):
    """A FAIL or DISCARD as it is kept. `redriven` names the event that took its place."""

    sequence: int
    event: Event
    route: Route
    end: End
    failure: str
    message: str
    status: int
    accepted_at: float
    ended_at: float
    attempts: int
    executions: int
    redriven: bytes = b""


class Step(msgspec.Struct, frozen=True):
    """One line of an event's story: accepted, attempt, ended, redriven."""

    at: float
    what: str
    detail: str = ""


class Story(msgspec.Struct, frozen=True):
    """Everything the ledger knows of one event id. `state` is WAIT, RUNNING, SUCCESS, FAIL or DISCARD.

    `failure` (a FailureKind), `message` and the function's `status` are those of the last attempt of a FAIL or DISCARD.
    """

    id: bytes
    route: Route
    state: str
    steps: tuple[Step, ...]
    failure: str = ""
    message: str = ""
    status: int = 0


class StoryFilter(msgspec.Struct, frozen=True):
    """Which stories are meant: those of a function (URN without a qualifier: all its versions) that were accepted in a time (0: any)."""

    project: str
    function: str
    states: tuple[str, ...] = ()
    """Empty: any."""
    since: float = 0.0
    until: float = 0.0


MOST_COUNTED = 100_000
"""Stories that a page counts at most: behind them is only said that there are more."""


class StoryPage(msgspec.Struct, frozen=True):
    """Some stories, and how many there are in all (counted up to MOST_COUNTED)."""

    stories: list[Story]
    total: int


class Counts(msgspec.Struct):
    """Durable counters of a trigger; received = success + failed + discarded + pending + running, always."""

    received: int = 0
    success: int = 0
    failed: int = 0
    discarded: int = 0
    filtered: int = 0

    @property
    def open(self) -> int:
        """Pending and running."""
        return self.received - self.success - self.failed - self.discarded


class DeadFilter(msgspec.Struct, frozen=True):
    """Which dead events are meant; an empty field means any. Times are of the end."""

    project: str = ""
    trigger: str = ""
    function: str = ""
    """Function URN without a qualifier, or with one."""
    failure: str = ""
    ids: tuple[bytes, ...] = ()
    since: float = 0.0
    until: float = 0.0


class Page(msgspec.Struct):
    """Pending events read back in order, and where to go on (0: no more)."""

    events: list[Pending]
    next: int


class Ledger(Protocol):
    """Durable, in the promises of its methods. Raises LedgerFull (refuse new work; ends still go through) and LedgerDamaged."""

    async def claim(self, key: SourceKey) -> Claim:
        """The next epoch of the source; the claim before it can no longer add anything."""
        ...

    async def seek(self, key: SourceKey, position: str) -> Claim:
        """Move a position by hand: a new epoch that begins there."""
        ...

    def accept(self, route: Route, what: Slice | Push) -> Awaitable[list[Pending]]:
        """On disk when it returns: events, position and counters in one transaction. Deduplicated events are left out of the answer.

        Raises ClaimLost for a slice whose claim is not current or that does not start at the stored position, and PartlyKnown for a push
        of an event some of whose ids are known and some are not; then nothing changed.
        Slices of one source may be handed over before earlier ones have returned; they are judged in the order of the calls.
        """
        ...

    def accept_all(self, slices: Sequence[tuple[Route, Slice]]) -> Awaitable[list[list[Pending] | SluiceError]]:
        """`accept` of each, in their order and in one transaction: what was accepted, or why that one was not."""
        ...

    def start(self, pending: Sequence[Pending]) -> Awaitable[None]:
        """On disk before a call that may run only once begins. After a crash such an event is found with `executions` one higher."""
        ...

    async def settle(self, results: Sequence[Ended | Retry]) -> None:
        """Ends and retries, in order, in one commit or several. Settling what has already ended changes nothing and is counted."""
        ...

    async def read(self, function: str, after: int, limit: int, limit_bytes: int) -> Page:
        """Pending events of one function (URN without qualifier) with a sequence above `after`, in order; also those not yet due."""
        ...

    async def waiting(self) -> dict[str, int]:
        """Pending events by function (URN without qualifier), as they are at start."""
        ...

    def in_flight(self, sequences: Sequence[int]) -> None:
        """What runs now; written with the next commit, so that a restart knows which calls have an unknown fate."""
        ...

    async def interrupted(self) -> frozenset[int]:
        """The sequences last given to `in_flight` before the ledger was opened."""
        ...

    async def explain(self, event: bytes) -> Story | None:
        """The story of one event, or None if the ledger does not know it (ends are kept for 1,000,000 events or a day)."""
        ...

    async def recent(self, which: StoryFilter, limit: int, marker: int, running: frozenset[int] | None = None) -> StoryPage:
        """Newest first, by the last thing that happened to each; `marker` of them are passed over. `running` are the sequences of the
        events that are RUNNING now and not in WAIT (None: those last given to `in_flight`)."""
        ...

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        """Dead events in the order of their ends, `sequence` above `after`."""
        ...

    async def redrive(self, dead: Sequence[Dead]) -> list[Pending]:
        """Each becomes a new event that names the old one; an event that was already redriven is left out."""
        ...

    async def purge(self, which: DeadFilter) -> int:
        """Remove dead events for good; the number removed."""
        ...

    def counts(self) -> dict[str, Counts]:
        """By trigger id, as of the last commit."""
        ...

    async def add_usage(self, more: Sequence[Usage]) -> None:
        """Add to what is kept of the minutes and of the days that hold them. Raises LedgerFull: what room is left then is for ends."""
        ...

    async def used(self, which: UsageFilter) -> list[Usage]:
        """As `Records.usage`, of what was added. Minutes are kept for three days, days for 200."""
        ...

    def usage(self) -> dict[str, int]:
        """Bytes on disk, rows waiting, commits made, and the like; for metrics and `doctor`."""
        ...

    async def close(self) -> None:
        """Everything handed over is on disk; the file is closed."""
        ...


class Records(Protocol):
    """What control, console and command line read from the dispatcher; every call names the project it may see."""

    async def explain(self, project: str, event: bytes) -> Story | None: ...
    async def recent(self, which: StoryFilter, limit: int, marker: int) -> StoryPage: ...
    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]: ...
    async def redrive(self, which: DeadFilter, limit: int, dry_run: bool) -> list[bytes]: ...
    async def purge(self, which: DeadFilter) -> int: ...
    async def cancel(self, project: str, event: bytes, *, force: bool = False) -> bool:
        """End an event; whether there was one to end. What waits is discarded. What runs may end, and is not run again; with `force` its
        instance is killed, which takes the other calls of that instance along."""
        ...

    async def usage(self, which: UsageFilter) -> list[Usage]:
        """What functions did, by function and time. Buckets in which nothing happened are left out."""
        ...

    async def counts(self, project: str) -> dict[str, Counts]: ...
    def tail(self, project: str) -> AsyncIterator[Story]:
        """Ends as they happen, from now on; a slow reader misses some rather than holding anyone back."""
        ...
