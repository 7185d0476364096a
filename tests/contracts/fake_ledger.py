"""A ledger in memory that keeps the contract of `sluice.ledger.Ledger`, for tests of those who use one."""

import copy
import dataclasses
from collections.abc import Sequence

import msgspec

from sluice.clock import Clock
from sluice.errors import ClaimLost, LedgerFull, PartlyKnown, SluiceError
from sluice.event import Event, id_text, random_id
from sluice.ledger import (
    Claim,
    Counts,
    Dead,
    DeadFilter,
    End,
    Ended,
    Page,
    Pending,
    Push,
    Retry,
    Route,
    Slice,
    SourceKey,
    Step,
    Story,
    StoryFilter,
    StoryPage,
)
from sluice.outcome import FailureKind
from sluice.usage import Usage, UsageFilter, summed

DEDUPE_S = 600.0


@dataclasses.dataclass
class _Known:
    """One event, from its acceptance on."""

    pending: Pending
    steps: list[Step]
    end: End | None = None
    why: tuple[str, str, int] = ("", "", 0)


class FakeLedger:
    """Everything is "on disk" when a method returns. `full` refuses new work; `reopened` is what a restart finds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.full = False
        self.stale_settles = 0
        self.claims: dict[SourceKey, tuple[int, str | None]] = {}
        self.open: dict[int, _Known] = {}
        self.ended: list[_Known] = []
        self.dead_rows: dict[int, Dead] = {}
        self._counts: dict[str, Counts] = {}
        self._usage: list[Usage] = []
        self._ids: dict[tuple[str, str], tuple[float, int]] = {}
        self._next = 1
        self._dead_next = 1
        self._in_flight: frozenset[int] = frozenset()
        self._interrupted: frozenset[int] = frozenset()

    def reopened(self) -> "FakeLedger":
        again = FakeLedger(self._clock)
        again.__dict__.update(self.__dict__)
        again._interrupted = self._in_flight
        again.open = {sequence: _Known(copy.copy(known.pending), known.steps) for sequence, known in self.open.items()}
        return again

    async def claim(self, key: SourceKey) -> Claim:
        epoch, position = self.claims.get(key, (0, None))
        return self._set(key, epoch + 1, position)

    async def seek(self, key: SourceKey, position: str) -> Claim:
        return self._set(key, self.claims.get(key, (0, None))[0] + 1, position)

    async def accept(self, route: Route, what: Slice | Push) -> list[Pending]:
        self._refuse_when_full()
        if isinstance(what, Push):
            return self._push(route, what)
        if self.claims.get(what.key, (0, None)) != (what.epoch, what.start):
            raise ClaimLost(what.key.source)
        self.claims[what.key] = (what.epoch, what.to)
        self._of(route).filtered += what.filtered
        for event, why in what.refused:
            self._refuse(self._add(route, event), why)
        return [self._add(route, event) for event in what.events]

    async def accept_all(self, slices: Sequence[tuple[Route, Slice]]) -> list[list[Pending] | SluiceError]:
        answer: list[list[Pending] | SluiceError] = []
        for route, piece in slices:
            try:
                answer.append(await self.accept(route, piece))
            except ClaimLost as lost:
                answer.append(lost)
        return answer

    async def start(self, pending: Sequence[Pending]) -> None:
        for one in pending:
            if one.sequence in self.open:
                stored = self.open[one.sequence].pending = copy.copy(one)
                stored.executions += 1

    async def settle(self, results: Sequence[Ended | Retry]) -> None:
        for result in results:
            known = self.open.get(result.pending.sequence)
            if known is None:
                self.stale_settles += 1
            elif isinstance(result, Retry):
                known.pending = copy.copy(result.pending)
                detail = f"{result.failure.value}: {result.message}" if result.message else result.failure.value
                known.steps.append(Step(result.at, "attempt", detail))
            else:
                self._end(known, result)

    async def read(self, function: str, after: int, limit: int, limit_bytes: int) -> Page:
        found: list[Pending] = []
        size = 0
        for sequence, known in sorted(self.open.items()):
            if sequence <= after or not _is_of(known.pending.route, function):
                continue
            size += len(known.pending.event.body)
            if len(found) >= limit or (found and size > limit_bytes):
                return Page(found, found[-1].sequence)
            found.append(copy.copy(known.pending))
        return Page(found, 0)

    async def waiting(self) -> dict[str, int]:
        waiting: dict[str, int] = {}
        for known in self.open.values():
            function = known.pending.route.function.rsplit(":", 1)[0]
            waiting[function] = waiting.get(function, 0) + 1
        return waiting

    def in_flight(self, sequences: Sequence[int]) -> None:
        self._in_flight = frozenset(sequences)

    async def interrupted(self) -> frozenset[int]:
        return self._interrupted

    async def explain(self, event: bytes) -> Story | None:
        for known in [*self.open.values(), *self.ended]:
            if known.pending.event.id == event:
                return self._story(known)
        return None

    async def recent(self, which: StoryFilter, limit: int, marker: int, running: frozenset[int] | None = None) -> StoryPage:
        stories = [
            self._story(known, running)
            for known in [*self.open.values(), *self.ended]
            if known.pending.route.project == which.project
            and _is_of(known.pending.route, which.function)
            and which.since <= known.pending.accepted_at < (which.until or float("inf"))
        ]
        meant = [story for story in stories if not which.states or story.state in which.states]
        meant.sort(key=lambda story: -story.steps[-1].at)
        return StoryPage(meant[marker : marker + limit], len(meant))

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        return [dead for number, dead in sorted(self.dead_rows.items()) if number > after and _meant(which, dead)][:limit]

    async def redrive(self, dead: Sequence[Dead]) -> list[Pending]:
        self._refuse_when_full()
        answer = []
        for one in dead:
            stored = self.dead_rows.get(one.sequence)
            if stored is None or stored.redriven:
                continue
            event = Event(random_id(), stored.event.body, stored.event.lane, stored.event.records, stored.event.trace)
            self.dead_rows[one.sequence] = msgspec.structs.replace(stored, redriven=event.id)
            self._tell(stored.event.id, f"as {id_text(event.id)}")
            answer.append(self._add(stored.route, event))
            self._tell(event.id, f"of {id_text(stored.event.id)}")
        return answer

    async def purge(self, which: DeadFilter) -> int:
        gone = [number for number, dead in self.dead_rows.items() if _meant(which, dead)]
        for number in gone:
            del self.dead_rows[number]
        return len(gone)

    def counts(self) -> dict[str, Counts]:
        return self._counts

    async def add_usage(self, more: Sequence[Usage]) -> None:
        self._usage += [copy.copy(one) for one in more]

    async def used(self, which: UsageFilter) -> list[Usage]:
        return summed(which, self._usage)

    def usage(self) -> dict[str, int]:
        return {"pending": len(self.open), "stale_settles": self.stale_settles, "disk_full": int(self.full)}

    async def close(self) -> None:
        """Nothing is left to write."""

    def _refuse_when_full(self) -> None:
        if self.full:
            raise LedgerFull("the disk under the ledger is full")

    def _set(self, key: SourceKey, epoch: int, position: str | None) -> Claim:
        self.claims[key] = (epoch, position)
        return Claim(key, epoch, position)

    def _of(self, route: Route) -> Counts:
        return self._counts.setdefault(route.trigger, Counts())

    def _push(self, route: Route, push: Push) -> list[Pending]:
        given = [*((event, "") for event in push.events), *push.refused]
        named = list(zip(given, push.dedupe or [()] * len(given), strict=True))
        for _, names in named:
            known = [name for name in names if self._seen(route.trigger, name)]
            if known and len(known) < len(names):
                raise PartlyKnown(known)
        self._of(route).filtered += push.filtered
        answer = []
        for (event, why), names in named:
            if any(self._seen(route.trigger, name) for name in names):
                continue
            pending = self._add(route, event)
            self._ids.update({(route.trigger, name): (pending.accepted_at, pending.sequence) for name in names})
            if why:
                self._refuse(pending, why)
            else:
                answer.append(pending)
        return answer

    def _refuse(self, refused: Pending, why: str) -> None:
        ended = Ended(refused, End.DISCARD, self._clock.time(), failure=FailureKind.REFUSED, message=why)
        self._end(self.open[refused.sequence], ended)

    def _seen(self, trigger: str, name: str) -> bool:
        at, sequence = self._ids.get((trigger, name), (float("-inf"), 0))
        return sequence in self.open or self._clock.time() - at < DEDUPE_S

    def _add(self, route: Route, event: Event) -> Pending:
        pending = Pending(self._next, route, event, self._clock.time())
        self._next += 1
        self.open[pending.sequence] = _Known(copy.copy(pending), [Step(pending.accepted_at, "accepted")])
        self._of(route).received += 1
        return pending

    def _end(self, known: _Known, ended: Ended) -> None:
        del self.open[known.pending.sequence]
        self.ended.append(known)
        known.end = ended.end
        detail = f"{ended.end.value} {ended.failure.value if ended.failure else ''}".strip()
        known.steps.append(Step(ended.at, "ended", detail))
        counts = self._of(ended.pending.route)
        if ended.end is End.SUCCESS:
            counts.success += 1
            return
        if ended.end is End.FAIL:
            counts.failed += 1
        else:
            counts.discarded += 1
        self.dead_rows[self._dead_next] = _as_dead(self._dead_next, ended)
        self._dead_next += 1
        known.why = (ended.failure.value if ended.failure else "", ended.message, ended.status)

    def _tell(self, event: bytes, detail: str) -> None:
        for known in [*self.open.values(), *self.ended]:
            if known.pending.event.id == event:
                known.steps.append(Step(self._clock.time(), "redriven", detail))

    def _story(self, known: _Known, running: frozenset[int] | None = None) -> Story:
        runs = self._in_flight if running is None else running
        waits = "RUNNING" if known.pending.sequence in runs else "WAIT"
        return Story(known.pending.event.id, known.pending.route, known.end or waits, tuple(known.steps), *known.why)


def _is_of(route: Route, function: str) -> bool:
    return route.function == function or route.function.startswith(f"{function}:")


def _meant(which: DeadFilter, dead: Dead) -> bool:
    return (
        which.project in ("", dead.route.project)
        and which.trigger in ("", dead.route.trigger)
        and (not which.function or _is_of(dead.route, which.function))
        and which.failure in ("", dead.failure)
        and (not which.ids or dead.event.id in which.ids)
        and which.since <= dead.ended_at < (which.until or float("inf"))
    )


def _as_dead(number: int, ended: Ended) -> Dead:
    pending = ended.pending
    return Dead(
        number,
        pending.event,
        pending.route,
        ended.end,
        ended.failure.value if ended.failure else "",
        ended.message,
        ended.status,
        pending.accepted_at,
        ended.at,
        pending.attempts,
        pending.executions,
    )
