"""The trigger contract. A kind supplies `run`, which reads records, and `shape`, which turns records into the body of an event.

The host does the rest for every kind alike: filter per record, batch, lanes, window, claims, back-off, pause and drain.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from sluice.binding import Binding, Mode, Ordering
from sluice.event import MAX_BATCH_BYTES, MAX_EVENT_BYTES, Record
from sluice.filters import Match, both, parse
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.push import Doors, Serve
from sluice.settings import Settings


class Intake(Protocol):
    """What the host hands to a trigger. Both ways of handing over wait while as much of the trigger is open as may be: back-pressure."""

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        """The right to read a source, and the position to go on from. Waits while another owner's claim is alive, unless the broker
        assigned the source to us (`assigned`): then it is taken over at once."""
        ...

    def release(self, claim: Claim) -> None:
        """Let a source go, so that another owner need not wait. Harmless if the claim is already lost."""
        ...

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        """Records of the source in order, and the position after them (gaps included; `records` may be empty). Accepted when it
        returns. Offers of one claim may overlap in time; they are accepted in the order of the calls. Raises ClaimLost."""
        ...

    def deliver(self, record: Record) -> Awaitable[Outcome]:
        """One record of a source without positions, or a call that wants an answer (`reply` is set for synchronous modes). What is
        delivered at the same time shares an event, up to `batch_size` records; each is answered with that event's outcome. Whoever no
        longer wants the answer cancels it: then the record is taken out, unless it is too late.

        While the trigger has `max_pending` events open, this waits; in a kind that is `pushed` only a moment: then RETRY, with `full`,
        for a sender that is told 429 and `retry_after_s`."""
        ...

    def serve(self, answer: Serve, *topics: str) -> None:
        """For a source that pushes: until the run ends, `answer` what is sent to the trigger's own address, and to the `topics` that it
        shares with other triggers of its kind in its project. Said once, before `ready()`."""
        ...

    def rest(self, until: float) -> None:
        """Nothing comes before `until` (seconds since the epoch). The host may end the run here, keep its claims, and start the trigger
        anew shortly before, so that what waits for long costs little; `claim` then answers at once, with the position reached."""
        ...

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """What is going to be offered at `at` (seconds since the epoch), and nothing before it. The host may end the run here, offer it at
        that time together with what others have planned, and start the trigger anew behind it."""
        ...

    def lag(self, source: str, records: int) -> None:
        """How many records of the source are not yet read; shown by `get triggers`."""
        ...


class Trigger(Protocol):
    """One running trigger."""

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """Read until cancelled; cancelling is the only stop. Call `ready()` once records can arrive. Confirm at the source only what was
        accepted. Raise SourceLost to be started again after a pause, SourceRefused when only a changed setting helps; anything else
        is a bug: it is logged, counted, and the trigger is started again with back-off."""
        ...


class Shape(Protocol):
    """A pure function from records (one batch, in order) to the body of the event that the function receives."""

    def __call__(self, binding: Binding, settings: Any, records: Sequence[Record]) -> bytes: ...


def any_record(_settings: Any) -> Record:
    """A record of no kind in particular."""
    return Record(b'{"hello":"world"}', "sample/0", "0", 0)


def any_match(_settings: Any) -> Match | None:
    """Settings that choose nothing."""
    return None


def nothing_contested(_settings: Any) -> str:
    """Settings that take nothing from other triggers."""
    return ""


def no_rivals(_settings: Any, _others: Any) -> bool:
    """Whatever they have, they have it together."""
    return False


def no_rpcs(_doors: Doors) -> Sequence[Any]:
    """Nothing but what the gateway passes on."""
    return ()


class TriggerKind(msgspec.Struct, frozen=True):
    """A kind of trigger: one word (folder, extra, image, manifest, test) and the FunctionGraph type codes it serves.

    `settings` is a msgspec.Struct type that decodes and checks `event_data`; unknown keys are refused. `build` makes the trigger of a
    binding and its decoded settings. `modes` are those a binding may have, the forced or default one first. `source_of` names what,
    when it changes, makes the source another one (a new incarnation): the address, the topics. `created_disabled` lists the type
    codes whose triggers FunctionGraph creates DISABLED.
    """

    name: str
    types: tuple[str, ...]
    settings: type[msgspec.Struct]
    shape: Shape
    build: Callable[[Binding, Any], Trigger]
    modes: tuple[Mode, ...] = (Mode.ASYNC,)
    source_of: Callable[[Any], str] = repr
    replayable: bool = True
    """Whether what is not accepted stays safe at the source."""
    pushed: bool = False
    """Whether triggers `serve` what the gateway passes on to them."""
    rpcs: Callable[[Doors], Sequence[Any]] = no_rpcs
    """Of a pushed kind: services of the wire (`sluice.wire.server.Service`) of its own, for callers that speak gRPC."""
    created_disabled: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    """Type codes whose triggers cannot be disabled, only deleted."""
    sample: Callable[[Any], Record] = any_record
    """A record as it could come from a source with these settings, for `sluice trigger dry-run`."""
    batch_size: int = 1
    """What a trigger's `batch_size` is when it says none."""
    event_bytes: int = MAX_EVENT_BYTES
    """No body of several records is larger; a single record is an event of whatever size."""
    batch_bytes: int = MAX_BATCH_BYTES
    """Records that share an event have no more bytes together. Where their event is over `event_bytes` all the same, it is halved."""
    orderings: tuple[Ordering, ...] = tuple(Ordering)
    """What a trigger's `ordering` may be; one that answers a caller (SYNC) has none."""
    selects: Callable[[Any], Match | None] = any_match
    """What the settings themselves choose among the records; the others are filtered, as by the trigger's own filter."""
    lasting: frozenset[str] = frozenset()
    """Names of settings that a trigger keeps from its creation on."""
    contested: Callable[[Any], str] = nothing_contested
    """What a trigger takes a part of, and others of its type in its project may too: a bucket. "" for nothing."""
    rivals: Callable[[Any, Any], bool] = no_rivals
    """Whether two triggers that take a part of the same cannot stand beside each other, by the settings of both."""
    bounded: Callable[[Settings], Callable[[Binding, Any], Trigger]] | None = None
    """For a kind whose triggers are bounded by settings of the process that runs them: what is its `build` there."""

    def matcher(self, settings: Any, filter_text: str) -> Match | None:
        """What decides which records of a trigger become events: the kind's settings, and then the trigger's filter. None: all do."""
        return both(self.selects(settings), parse(filter_text))

    def within(self, settings: Settings) -> "TriggerKind":
        """The kind as a process of these settings runs it."""
        return self if self.bounded is None else msgspec.structs.replace(self, build=self.bounded(settings))
