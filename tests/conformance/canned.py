"""Two kinds in memory that have every behaviour: a log with positions, and a queue with acknowledgements. They prove the suite."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import Verdict
from sluice.trigger import Intake, Trigger, TriggerKind
from tests.conformance.bench import Bench, Window

READ = 10
SOURCE = "log/0"
LOST_AFTER_S = 0.01


class CannedSettings(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    batch_size: int = 1
    position_lost: Literal["stop", "earliest", "latest"] = "stop"


class OutsideLog(Exception):
    """The log does not hold the position."""


class Log:
    """Records at offsets, with gaps; `confirmed` is what a reader told it."""

    def __init__(self) -> None:
        self.records: list[tuple[int, bytes | None, int]] = []
        self.first = self.end = 0
        self.confirmed = 0
        self.connected = True

    def append(self, value: bytes | None) -> None:
        self.records.append((self.end, value, int(time.time() * 1000)))
        self.end += 1

    def truncate(self, first: int) -> None:
        self.records = [record for record in self.records if record[0] >= first]
        self.first = first

    async def read(self, position: int) -> tuple[list[tuple[int, bytes | None, int]], int]:
        """Records from there on, and the position after them and the gaps behind them."""
        while self.connected:
            if not self.first <= position <= self.end:
                raise OutsideLog
            found = [record for record in self.records if record[0] >= position]
            if found or position < self.end:
                return found[:READ], found[READ][0] if len(found) > READ else self.end
            await asyncio.sleep(0.001)
        raise ConnectionError("the log went away")


class LogTrigger:
    """Reads a Log. Each step is a method, so that a wrong trigger can do just that step wrongly."""

    def __init__(self, log: Log, settings: CannedSettings) -> None:
        self.log = log
        self.settings = settings

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        claim = await intake.claim(SOURCE)
        position = self.begin(claim)
        try:
            self.say_ready(ready)
            while True:
                position = await self.step(intake, claim, position)
        except ConnectionError as error:
            self.on_connection_error(error)
        finally:
            intake.release(claim)

    def begin(self, claim: Claim) -> int:
        return int(claim.position) if claim.position is not None else self.log.first

    def say_ready(self, ready: Callable[[], None]) -> None:
        ready()

    async def step(self, intake: Intake, claim: Claim, position: int) -> int:
        try:
            found, to = await self.log.read(position)
        except OutsideLog:
            return await self.on_outside(intake, claim, position)
        await self.hand_over(intake, claim, [self.record(*one) for one in found], to)
        self.confirm(to)
        return to

    async def hand_over(self, intake: Intake, claim: Claim, records: Sequence[Record], to: int) -> None:
        await intake.offer(claim, records, str(to))

    def record(self, offset: int, value: bytes | None, time_ms: int) -> Record:
        return Record(value, SOURCE, str(offset), time_ms)

    def confirm(self, to: int) -> None:
        self.log.confirmed = to

    async def on_outside(self, intake: Intake, claim: Claim, position: int) -> int:
        if self.settings.position_lost == "stop":
            raise SourceRefused(f"{position} is outside the log")
        to = self.log.first if self.settings.position_lost == "earliest" else self.log.end
        await intake.offer(claim, [gap(position, to)], str(to))
        return to

    def on_connection_error(self, error: ConnectionError) -> None:
        raise SourceLost(str(error), LOST_AFTER_S) from error


def gap(start: int, to: int) -> Record:
    return Record(None, SOURCE, str(start), 0, attributes=(("gap", f"{start}-{to}"),))


def shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    return json.dumps({"records": [base64.b64encode(record.value or b"").decode() for record in records], **_gaps(records)}).encode()


def _gaps(records: Sequence[Record]) -> dict[str, list[str]]:
    gaps = [text for record in records for name, text in record.attributes if name == "gap"]
    return {"gaps": gaps} if gaps else {}


class LogBench(Bench):
    """`trigger_type` is a LogTrigger, or one that does a step wrongly."""

    kind = TriggerKind("canned", ("CANNED",), CannedSettings, shape, lambda binding, settings: LogTrigger(Log(), settings))
    example = b'{"name": "one", "batch_size": 2}'
    window = Window(READ, 8_000_000)
    deadline_s = 2.0
    patience_s = 0.05

    def __init__(self, trigger_type: type[LogTrigger] = LogTrigger) -> None:
        self.log = Log()
        self._trigger_type = trigger_type

    def trigger(self, **settings: Any) -> Trigger:
        return self._trigger_type(self.log, CannedSettings("one", **settings))

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.log.append(value)

    async def confirmed(self) -> int:
        return self.log.confirmed

    async def now_ms(self) -> int:
        return int(time.time() * 1000)

    async def lose_connection(self) -> None:
        self.log.connected = False

    async def leave_gap(self) -> None:
        self.log.end += 3

    async def end(self) -> str:
        return str(self.log.end)

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1", b"2", b"3")
        self.log.truncate(2)
        return SOURCE, "1"


class Queue:
    """Messages that are given out one at a time and stay until they are acknowledged."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes | None]] = []
        self.acknowledged = 0
        self.connected = True
        self._numbers: Iterator[int] = iter(range(1_000_000))

    def put(self, value: bytes | None) -> None:
        self.messages.append((f"m{next(self._numbers)}", value))

    async def get(self) -> tuple[str, bytes | None]:
        while self.connected:
            if self.messages:
                return self.messages[0]
            await asyncio.sleep(0.001)
        raise ConnectionError("the queue went away")

    def acknowledge(self) -> None:
        del self.messages[0]
        self.acknowledged += 1


class QueueTrigger:
    """Reads a Queue: no positions, each message is delivered and then acknowledged."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        ready()
        try:
            while True:
                await self.step(intake, *await self.queue.get())
        except ConnectionError as error:
            raise SourceLost(str(error), LOST_AFTER_S) from error

    async def step(self, intake: Intake, name: str, value: bytes | None) -> None:
        outcome = await intake.deliver(Record(value, "queue", name, int(time.time() * 1000), id=name))
        await self.answer(outcome.verdict, outcome.retry_after_s)

    async def answer(self, verdict: Verdict, retry_after_s: float) -> None:
        if verdict is Verdict.RETRY:
            await asyncio.sleep(retry_after_s)
        else:
            self.queue.acknowledge()


NO_POSITIONS = "a queue has no positions"


class QueueBench(LogBench):
    window = Window(1, 1_000_000)
    cannot = dict.fromkeys(
        (
            "it_goes_on_from_the_claimed_position",
            "a_claim_taken_over_ends_reading",
            "gaps_and_empty_records_move_the_position",
            "a_position_outside_the_log_obeys_its_policy",
        ),
        NO_POSITIONS,
    )

    def __init__(self, queue_trigger_type: type[QueueTrigger] = QueueTrigger) -> None:
        self.queue = Queue()
        self._queue_trigger_type = queue_trigger_type

    def trigger(self, **settings: Any) -> Trigger:
        return self._queue_trigger_type(self.queue)

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.queue.put(value)

    async def confirmed(self) -> int:
        return self.queue.acknowledged

    async def lose_connection(self) -> None:
        self.queue.connected = False
