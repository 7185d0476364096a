"""Triggers that do one thing wrongly. `WRONG` says which behaviours each must fail: those and no others, or the suite proves nothing."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from sluice.errors import ClaimLost, SourceLost, Unavailable
from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import Verdict
from sluice.trigger import Intake, TriggerKind
from tests.conformance.bench import Bench
from tests.conformance.canned import READ, CannedSettings, Log, LogBench, LogTrigger, OutsideLog, QueueBench, QueueTrigger, shape


class ReadyTwice(LogTrigger):
    def say_ready(self, ready: Callable[[], None]) -> None:
        ready()
        ready()


class ReadyAfterTheFirstRecord(LogTrigger):
    async def step(self, intake: Intake, claim: Claim, position: int) -> int:
        to = await super().step(intake, claim, position)
        if position == 0:
            self.late()
        return to

    def say_ready(self, ready: Callable[[], None]) -> None:
        ready()
        self.late = ready


class WithoutTime(LogTrigger):
    def record(self, offset: int, value: bytes | None, time_ms: int) -> Record:
        return Record(value, "log/0", str(offset), 0)


class WithoutPlace(LogTrigger):
    def record(self, offset: int, value: bytes | None, time_ms: int) -> Record:
        return Record(value, "log/0", "somewhere", time_ms)


class NeverConfirms(LogTrigger):
    def confirm(self, to: int) -> None:
        pass


class ConfirmsBeforeAcceptance(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        self.confirm(to)
        await super().hand_over(intake, claim, records, to)


class ConfirmsWhenCancelled(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        try:
            await super().hand_over(intake, claim, records, to)
        except asyncio.CancelledError:
            self.confirm(to)
            raise


class TakesUnavailableForAnAnswer(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        with suppress(Unavailable):
            await super().hand_over(intake, claim, records, to)


class OffersAgainAtOnce(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        try:
            await super().hand_over(intake, claim, records, to)
        except Unavailable:
            raise RuntimeError("again, now") from None


class IgnoresCancel(LogTrigger):
    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        try:
            await super().run(intake, ready)
        except asyncio.CancelledError:
            await asyncio.sleep(60)


class SwallowsFailures(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        with suppress(RuntimeError):
            await super().hand_over(intake, claim, records, to)


class EndsQuietlyOnFailure(LogTrigger):
    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        try:
            await super().run(intake, ready)
        except RuntimeError:
            return


class HandsOverWithoutBound(LogTrigger):
    """As soon as there is much to read."""

    def __init__(self, log: Log, settings: CannedSettings) -> None:
        super().__init__(log, settings)
        self.handing_over: set[asyncio.Future[None]] = set()

    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        if len(records) == READ:
            self.handing_over.add(asyncio.ensure_future(super().hand_over(intake, claim, records, to)))
            await asyncio.sleep(0)
        else:
            await super().hand_over(intake, claim, records, to)


class Shuffles(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        backwards = records if len(records) < READ else list(reversed(records))
        await super().hand_over(intake, claim, backwards, to)


class EndsQuietlyWhenCutOff(LogTrigger):
    def on_connection_error(self, error: ConnectionError) -> None:
        pass


class TakesALostConnectionForABug(LogTrigger):
    def on_connection_error(self, error: ConnectionError) -> None:
        raise error


class TakesBytesForText(LogTrigger):
    def record(self, offset: int, value: bytes | None, time_ms: int) -> Record:
        text = None if value is None else value.decode(errors="replace").encode()
        return super().record(offset, text, time_ms)


class AnySettings(msgspec.Struct):
    name: str
    batch_size: int = 1
    position_lost: Literal["stop", "earliest", "latest"] = "stop"


class TakesUnknownKeys(LogBench):
    kind = TriggerKind("canned", ("CANNED",), AnySettings, shape, LogBench.kind.build)


class StartsWhereItLikes(LogTrigger):
    def begin(self, claim: Claim) -> int:
        return 0 if claim.position == "2" else super().begin(claim)


class KeepsALostClaim(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        while True:
            try:
                return await super().hand_over(intake, claim, records, to)
            except ClaimLost:
                await asyncio.sleep(0.005)


class TakesTheClaimBack(LogTrigger):
    """Robs the owner that came after it."""

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await intake.claim("log/0", assigned=True)
        await super().run(intake, ready)


class StaysInGaps(LogTrigger):
    async def step(self, intake: Intake, claim: Claim, position: int) -> int:
        try:
            found, to = await self.log.read(position)
        except OutsideLog:
            return await self.on_outside(intake, claim, position)
        if not found:
            await asyncio.sleep(0.001)
            return position
        to = found[-1][0] + 1
        await self.hand_over(intake, claim, [self.record(*one) for one in found], to)
        self.confirm(to)
        return to


class DropsEmptyRecords(LogTrigger):
    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        await super().hand_over(intake, claim, [record for record in records if record.value], to)


class SkipsWhatIsGone(LogTrigger):
    """Goes on at the earliest record without a word."""

    async def on_outside(self, intake: Intake, claim: Claim, position: int) -> int:
        await intake.offer(claim, (), str(self.log.first))
        return self.log.first


class QueueForgetsRetry(QueueTrigger):
    async def answer(self, verdict: Verdict, retry_after_s: float) -> None:
        self.queue.acknowledge()


class QueueRetriesAtOnce(QueueTrigger):
    async def answer(self, verdict: Verdict, retry_after_s: float) -> None:
        await super().answer(verdict, 0)


class QueueKeepsWhatIsRefused(QueueTrigger):
    async def answer(self, verdict: Verdict, retry_after_s: float) -> None:
        if verdict is Verdict.REFUSED:
            raise SourceLost("refused", 0.01)
        await super().answer(verdict, retry_after_s)


READY = "ready_comes_once_and_then_records_arrive"
PLACE = "a_record_has_its_time_its_kind_and_its_place"
CONFIRMED = "what_is_accepted_is_confirmed"
NOT_BEFORE = "nothing_is_confirmed_before_it_is_accepted"
RETRY = "retry_offers_the_same_again_and_not_too_soon"
REFUSED = "what_is_refused_is_recorded_and_the_next_flows"
CANCEL = "cancel_ends_run_and_leaves_the_rest_unconfirmed"
RAISES = "a_hand_over_that_raises_loses_nothing"
WINDOW = "no_more_than_the_window_is_in_flight"
ORDER = "order_is_kept"
LOST = "a_lost_connection_is_named"
BYTES = "arbitrary_bytes_pass_unharmed"
SETTINGS = "the_example_parses_and_faults_are_named"
GOES_ON = "it_goes_on_from_the_claimed_position"
TAKEN_OVER = "a_claim_taken_over_ends_reading"
GAPS = "gaps_and_empty_records_move_the_position"
OUTSIDE = "a_position_outside_the_log_obeys_its_policy"

WRONG: dict[type[LogTrigger | QueueTrigger | Bench], set[str]] = {
    ReadyTwice: {READY},
    ReadyAfterTheFirstRecord: {READY},
    WithoutTime: {PLACE},
    WithoutPlace: {PLACE},
    NeverConfirms: {CONFIRMED, REFUSED},
    ConfirmsBeforeAcceptance: {NOT_BEFORE, CANCEL},
    ConfirmsWhenCancelled: {CANCEL},
    TakesUnavailableForAnAnswer: {RETRY},
    OffersAgainAtOnce: {RETRY},
    QueueForgetsRetry: {RETRY},
    QueueRetriesAtOnce: {RETRY},
    QueueKeepsWhatIsRefused: {REFUSED},
    IgnoresCancel: {CANCEL},
    SwallowsFailures: {RAISES},
    EndsQuietlyOnFailure: {RAISES},
    HandsOverWithoutBound: {WINDOW},
    Shuffles: {ORDER},
    EndsQuietlyWhenCutOff: {LOST},
    TakesALostConnectionForABug: {LOST},
    TakesBytesForText: {BYTES},
    TakesUnknownKeys: {SETTINGS},
    StartsWhereItLikes: {GOES_ON},
    KeepsALostClaim: {TAKEN_OVER},
    TakesTheClaimBack: {TAKEN_OVER},
    StaysInGaps: {GAPS},
    DropsEmptyRecords: {GAPS},
    SkipsWhatIsGone: {OUTSIDE},
}
"""What each wrong trigger must fail. Two behaviours only where the one cannot be broken without the other."""


def bench_of(wrong: type[LogTrigger | QueueTrigger | Bench]) -> Bench:
    if issubclass(wrong, LogTrigger):
        return LogBench(wrong)
    return QueueBench(wrong) if issubclass(wrong, QueueTrigger) else wrong()
