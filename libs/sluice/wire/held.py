"""The calls a runner holds for its dispatchers, over the ends of streams and of dispatchers. Pure but for the clock it is given."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluice.outcome import Reply
from sluice.runner import Call
from sluice.wire.faults import Fenced
from sluice.wire.requests_server import carried

Key = tuple[bytes, int]
"""(event id, attempt)."""


@dataclass(slots=True, eq=False)
class Held:
    """One call that was begun here. `process` is the dispatcher's process that waits for it; `reply` comes when it has ended."""

    key: Key
    lease: str
    process: str
    tell: Callable[["Held"], None]
    reply: Reply | None = None
    ended_at: float = 0.0

    def done(self, _call: Call, reply: Reply) -> None:
        self.reply = carried(reply)
        self.tell(self)


class Holdings:
    """Knows each lease's newest epoch, and every call that runs or whose reply was not acknowledged.

    A call of a dispatcher's process that has gone is an orphan: when the next one offers the same attempt, it gets the orphan's reply. Also
    a later attempt gets the reply of an orphan that still runs, because an event never runs twice at the same time; one that has ended was
    judged by the dispatcher that has gone, or there would be no later attempt.
    """

    def __init__(self, now: Callable[[], float], keep_s: float) -> None:
        self._now = now
        self._keep_s = keep_s
        self._epochs: dict[str, int] = {}
        self._calls: dict[Key, Held] = {}
        self._orphans: dict[bytes, Held] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def greet(self, lease: str, epoch: int, process: str, waiting: Iterable[Key]) -> list[Held]:
        """Take a dispatcher's greeting: what is held of its lease. Raises Fenced for an older epoch."""
        newest = self._epochs.get(lease, 0)
        if epoch < newest:
            raise Fenced(f"epoch {epoch} of the lease {lease} is over; {newest} has begun")
        self._epochs[lease] = epoch
        self._forget_old()
        wanted = frozenset(waiting)
        held: list[Held] = []
        for each in [each for each in self._calls.values() if each.lease == lease]:
            if each.key in wanted:
                each.process = process
                self._orphans.pop(each.key[0], None)
            elif each.process != process:
                self._orphans[each.key[0]] = each
            elif each.reply is not None:
                # it does not wait for it any more: the reply has arrived, its acknowledgement has not
                del self._calls[each.key]
                continue
            held.append(each)
        return held

    def begin(self, key: Key, lease: str, process: str, tell: Callable[[Held], None]) -> tuple[Held, bool]:
        """The call, and whether it is to be run now; else it runs already or has ended."""
        held = self._calls.get(key)
        if held is None and self._orphans:
            held = self._orphans.pop(key[0], None)
            if held is not None and held.reply is not None and held.key[1] < key[1]:
                del self._calls[held.key]
                held = None
        if held is None:
            held = self._calls[key] = Held(key, lease, process, tell)
            return held, True
        if held.key != key:
            del self._calls[held.key]
            held.key = key
            self._calls[key] = held
        held.process = process
        return held, False

    def ended(self, held: Held) -> None:
        held.ended_at = self._now()

    def forget(self, acknowledged: Iterable[Held]) -> None:
        """Their replies are safe."""
        for held in acknowledged:
            if self._calls.get(held.key) is held:
                del self._calls[held.key]

    def _forget_old(self) -> None:
        """Replies that nobody has asked for."""
        before = self._now() - self._keep_s
        for held in [each for each in self._calls.values() if each.reply is not None and each.ended_at < before]:
            del self._calls[held.key]
            if self._orphans.get(held.key[0]) is held:
                del self._orphans[held.key[0]]
