"""A ledger against a plain model of it, by random calls, crashes and takeovers."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sluice.clock import SteppedClock
from sluice.errors import AlreadyRunning, ClaimLost, PartlyKnown
from sluice.event import Event, random_id
from sluice.ledger import Claim, DeadFilter, End, Ended, Ledger, Pending, Push, Retry, Route, Slice, SourceKey
from sluice.outcome import FailureKind
from tests.contracts.ledger import ELSEWHERE, FUNCTION, OTHER, PUSHED, ROUTE

T = TypeVar("T")

SOURCES = [SourceKey("trigger-1", "1", "orders-0"), SourceKey("trigger-1", "1", "orders-1"), SourceKey("trigger-1", "2", "orders-0")]
MANY = 1 << 30


@dataclass
class Expected:
    """What must be true of the ledger now."""

    positions: dict[SourceKey, tuple[int, str | None]] = field(default_factory=dict)
    open: dict[int, Pending] = field(default_factory=dict)
    ended: dict[int, End] = field(default_factory=dict)
    dead: dict[bytes, bool] = field(default_factory=dict)
    """By event id: whether it was redriven."""
    names: dict[str, tuple[float, int]] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    filtered: int = 0
    refused: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Subclasses say how a ledger is opened, crashes, and is taken over from a process that stands still."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = SteppedClock()
        self.expected = Expected()
        self.claims: list[Claim] = []
        self.ledger: Ledger

    async def open(self) -> Ledger:
        raise NotImplementedError

    async def crash(self) -> Ledger:
        """What a new process finds after the old one died."""
        raise NotImplementedError

    async def taken_over(self) -> tuple[Ledger, Ledger]:
        """The new owner's ledger and the old one, which goes on as if nothing had happened."""
        raise NotImplementedError

    async def abandon(self, zombie: Ledger) -> None:
        """The old owner's process ends."""
        raise NotImplementedError

    def run(self, work: Awaitable[T]) -> T:
        async def bounded() -> T:
            return await asyncio.wait_for(work, 20)

        return self.loop.run_until_complete(bounded())

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.run(self.ledger.close())
        self.loop.close()

    @initialize()
    def begin(self) -> None:
        self.ledger = self.run(self.open())

    @rule(key=st.sampled_from(SOURCES))
    def claim(self, key: SourceKey) -> None:
        epoch, position = self.expected.positions.get(key, (0, None))
        claim = self.run(self.ledger.claim(key))
        assert claim.epoch > epoch
        assert claim.position == position
        self.expected.positions[key] = (claim.epoch, position)
        self.claims.append(claim)

    @rule(key=st.sampled_from(SOURCES), position=st.integers(0, 50))
    def seek(self, key: SourceKey, position: int) -> None:
        claim = self.run(self.ledger.seek(key, str(position)))
        self.expected.positions[key] = (claim.epoch, str(position))
        self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), sizes=st.lists(st.integers(0, 5), min_size=1, max_size=4), off=st.sampled_from([0, 0, 0, 1]))
    def offer_slices_that_overlap_in_time(self, data: st.DataObject, sizes: list[int], off: int) -> None:
        """Several slices at once, each beginning where the one before ends; the second may begin elsewhere."""
        claim = data.draw(st.sampled_from(self.claims))
        _, position = self.expected.positions[claim.key]
        pieces = []
        for number, size in enumerate(sizes):
            start = position if not (off and number == 1) else "elsewhere"
            position = str(int(position or 0) + size + 1)
            pieces.append(Slice(claim.key, claim.epoch, start, position, _events(size), filtered=1))
        answers = self.run(self._offer(pieces))
        for piece, answer in zip(pieces, answers, strict=True):
            self._judge(piece, answer)

    async def _offer(self, pieces: list[Slice]) -> list[list[Pending] | BaseException]:
        tasks = [asyncio.ensure_future(self.ledger.accept(ROUTE, piece)) for piece in pieces]
        return await asyncio.gather(*tasks, return_exceptions=True)

    def _judge(self, piece: Slice, answer: list[Pending] | BaseException) -> None:
        if self.expected.positions[piece.key] == (piece.epoch, piece.start):
            assert not isinstance(answer, BaseException), answer
            assert [pending.event for pending in answer] == list(piece.events)
            self.expected.positions[piece.key] = (piece.epoch, piece.to)
            self.expected.filtered += piece.filtered
            self._accepted(ROUTE, answer)
        else:
            assert isinstance(answer, ClaimLost)

    @rule(
        batches=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4, unique=True), min_size=1, max_size=4),
        route=st.sampled_from([PUSHED, ELSEWHERE]),
        refused=st.sampled_from([0, 0, 1]),
    )
    def push(self, batches: list[list[str]], route: Route, refused: int) -> None:
        """Events of records with ids, cut in any way; the last one may be refused."""
        dedupe = [tuple(f"{route.trigger}/{name}" for name in names) for names in _apart(batches)]
        events = _events(len(dedupe))
        taken = len(dedupe) - refused
        push = Push(events[:taken], dedupe, filtered=1, refused=[(event, "why") for event in events[taken:]])
        for names in dedupe:
            known = [name for name in names if self._seen(name)]
            if known and len(known) < len(names):
                self._push_partly_known(route, push, tuple(known))
                return
        fresh = [number for number, names in enumerate(dedupe) if not any(map(self._seen, names)) and _is_first(dedupe, number)]
        pendings = self.run(self.ledger.accept(route, push))
        assert [pending.event for pending in pendings] == [events[number] for number in fresh if number < taken]
        self._accepted(route, pendings)
        self.expected.filtered += 1
        sequences = [*(pending.sequence for pending in pendings), -1]
        for number, sequence in zip(fresh, sequences, strict=False):
            self.expected.names.update(dict.fromkeys(dedupe[number], (self.clock.time(), sequence)))
        if taken in fresh:
            self._was_refused(route, events[taken])

    def _push_partly_known(self, route: Route, push: Push, known: tuple[str, ...]) -> None:
        with pytest.raises(PartlyKnown) as partly:
            self.run(self.ledger.accept(route, push))
        assert partly.value.known == known

    def _was_refused(self, route: Route, event: Event) -> None:
        self.expected.received[route.trigger] = self.expected.received.get(route.trigger, 0) + 1
        self.expected.refused += 1
        self.expected.dead[event.id] = False

    def _seen(self, name: str) -> bool:
        at, sequence = self.expected.names.get(name, (float("-inf"), -1))
        return sequence in self.expected.open or self.clock.time() - at < 600

    @precondition(lambda self: self.expected.open or self.expected.ended)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Some end, some are tried again, some have ended before."""
        results: list[Ended | Retry] = []
        for sequence in data.draw(st.lists(st.sampled_from([*self.expected.open, *self.expected.ended]), max_size=6)):
            pending = self.expected.open.get(sequence) or _stale(sequence)
            end = data.draw(st.sampled_from([End.SUCCESS, End.SUCCESS, End.FAIL, End.DISCARD, None]))
            if end is None:
                pending.attempts += 1
                pending.due = self.clock.time() + 1
                results.append(Retry(pending, FailureKind.TIMEOUT, "late", self.clock.time()))
                continue
            results.append(Ended(pending, end, self.clock.time(), failure=None if end is End.SUCCESS else FailureKind.TIMEOUT))
            if self.expected.open.pop(sequence, None) is not None:
                self.expected.ended[sequence] = end
                if end is not End.SUCCESS:
                    self.expected.dead[pending.event.id] = False
        self.run(self.ledger.settle(results))

    @precondition(lambda self: self.expected.open)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        pending = self.expected.open[data.draw(st.sampled_from(sorted(self.expected.open)))]
        self.run(self.ledger.start([pending]))
        pending.executions += 1

    @rule()
    def redrive(self) -> None:
        dead = self.run(self.ledger.dead(DeadFilter(), 0, 5))
        wanted = [one for one in dead if not self.expected.dead[one.event.id]]
        pendings = self.run(self.ledger.redrive([*dead, *dead]))
        assert [pending.event.body for pending in pendings] == [one.event.body for one in wanted]
        for one, pending in zip(wanted, pendings, strict=True):
            self.expected.dead[one.event.id] = True
            self._accepted(one.route, [pending])

    @rule()
    def purge(self) -> None:
        assert self.run(self.ledger.purge(DeadFilter())) == len(self.expected.dead)
        self.expected.dead.clear()

    @rule(seconds=st.sampled_from([1, 70, 590, 700]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def die_and_come_back(self) -> None:
        self.ledger = self.run(self.crash())

    @rule()
    def be_taken_over(self) -> None:
        """The old owner stood still past its lease; what it does then is refused and changes nothing."""
        self.clock.advance(60)
        self.ledger, zombie = self.run(self.taken_over())
        self.run(self._refused(zombie))
        self.run(self.abandon(zombie))

    async def _refused(self, zombie: Ledger) -> None:
        pendings = [Ended(pending, End.SUCCESS, self.clock.time()) for pending in self.expected.open.values()]
        for work in (zombie.accept(PUSHED, Push(_events(1))), zombie.settle(pendings), zombie.claim(SOURCES[0])):
            try:
                await work
            except AlreadyRunning:
                continue
            raise AssertionError("a stale owner changed the ledger")

    @invariant()
    def what_is_open_is_what_was_accepted_and_has_not_ended(self) -> None:
        found = [pending for function in (FUNCTION, OTHER) for pending in self._read(function)]
        assert {pending.sequence: pending for pending in found} == self.expected.open
        assert len(found) == len(self.expected.open)

    @invariant()
    def received_is_the_sum_of_all_ends_and_what_is_open(self) -> None:
        counts = self.ledger.counts()
        assert {trigger: one.received for trigger, one in counts.items() if one.received} == self.expected.received
        assert sum(one.open for one in counts.values()) == len(self.expected.open)
        for end, total in (
            (End.SUCCESS, sum(one.success for one in counts.values())),
            (End.FAIL, sum(one.failed for one in counts.values())),
            (End.DISCARD, sum(one.discarded for one in counts.values())),
        ):
            assert total == list(self.expected.ended.values()).count(end) + (self.expected.refused if end is End.DISCARD else 0)
        assert sum(one.filtered for one in counts.values()) == self.expected.filtered

    @invariant()
    def dead_letters_are_those_that_failed(self) -> None:
        dead = self.run(self.ledger.dead(DeadFilter(), 0, 10_000))
        assert {one.event.id: bool(one.redriven) for one in dead} == self.expected.dead

    def _read(self, function: str) -> list[Pending]:
        if not hasattr(self, "ledger"):
            return []
        return self.run(self.ledger.read(function, 0, MANY, MANY)).events

    def _accepted(self, route: Route, pendings: list[Pending]) -> None:
        for pending in pendings:
            assert pending.sequence not in self.expected.open
            assert pending.sequence not in self.expected.ended
            self.expected.open[pending.sequence] = pending
        if pendings:
            self.expected.received[route.trigger] = self.expected.received.get(route.trigger, 0) + len(pendings)


def _events(count: int) -> list[Event]:
    return [Event(random_id(), random_id()) for _ in range(count)]


def _apart(batches: list[list[str]]) -> list[list[str]]:
    """Those that have nothing in common with one before, or everything."""
    kept: list[list[str]] = []
    for names in batches:
        if all(set(names).isdisjoint(other) or set(names) == set(other) for other in kept):
            kept.append(names)
    return kept


def _is_first(dedupe: list[tuple[str, ...]], number: int) -> bool:
    return not dedupe[number] or not any(set(dedupe[number]) == set(names) for names in dedupe[:number])


def _stale(sequence: int) -> Pending:
    return Pending(sequence, PUSHED, Event(random_id(), b""), 0.0)
