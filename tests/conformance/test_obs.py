"""The obs kind: a bucket's notifications pushed through a real gateway, read from a queue in memory, and from a real SQS that a real
bucket notifies.

What is produced travels as the key of an object, behind a letter, because a key is never empty; it is the only text of a notification
that its sender chooses.
"""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_from_bytes, quote_plus, unquote_to_bytes

import msgspec
import pytest

from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.push import Serve
from sluice.trigger import Intake, Trigger
from sluice_obs import KIND
from sluice_obs.pulled import PulledTrigger
from sluice_obs.pushed import PushedTrigger
from sluice_obs.record import Recorder
from sluice_obs.settings import ObsSettings
from tests.cable import Cable
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.obs_fake import FakeQueue, FakeServer
from tests.conformance.pushed import PUSHED_CANNOT, PushedBench, post
from tests.conformance.suite import TriggerConformance
from tests.s3 import told, whole
from tests.servers import Moto
from tests.sqs import Service

TOKEN = "a token of some length"
LETTER = "k"
PUSHED: dict[str, Any] = {"bucket": "photos", "events": ["s3:ObjectCreated:*"], "push_token": TOKEN}
PULLED: dict[str, Any] = {
    "bucket": "photos",
    "events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"],
    "prefix": LETTER,
    "queue_url": "http://127.0.0.1:5000/123456789012/photos",
    "access_key": "sluice",
    "secret_key": "sluice-secret",
    "batch_size": 10,
}
MOST = 30
LONGEST_KEY = 1024
QUEUE_CANNOT: Mapping[str, str] = {
    "order_is_kept": "such a queue promises no order",
    "it_goes_on_from_the_claimed_position": "a queue has no positions: what was forgotten is gone",
    "a_claim_taken_over_ends_reading": "a queue gives each message to one reader by itself",
    "gaps_and_empty_records_move_the_position": "a queue has no positions",
    "a_position_outside_the_log_obeys_its_policy": "a queue has no positions",
}
_numbers = itertools.count(1)


def text_of(value: bytes) -> str:
    """A notification of an object whose key holds the value, another one each time."""
    key = LETTER + quote_from_bytes(value, safe="")
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return whole(told(key, when=now, sequencer=f"{next(_numbers):016X}")).decode()


def produced(record: Record) -> bytes:
    """The value that became the record."""
    return unquote_to_bytes(json.loads(record.value or b"")["s3"]["object"]["key"].removeprefix(LETTER))


class Unpacked:
    """The suite's intake: it gets the values that were produced, and `kept` the records that they came with."""

    def __init__(self, intake: Intake, kept: dict[str, Record]) -> None:
        self._intake = intake
        self._kept = kept
        self.claim = intake.claim
        self.release = intake.release
        self.rest = intake.rest
        self.plan = intake.plan
        self.lag = intake.lag

    def serve(self, answer: Serve, *topics: str) -> None:
        self._intake.serve(answer, *topics)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self._intake.offer(claim, records, to)

    def deliver(self, record: Record) -> Awaitable[Outcome]:
        self._kept[record.id] = record
        return self._intake.deliver(msgspec.structs.replace(record, value=produced(record)))


class Unpacking:
    def __init__(self, trigger: Trigger, kept: dict[str, Record]) -> None:
        self._trigger = trigger
        self._kept = kept

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self._trigger.run(Unpacked(intake, self._kept), ready)


class PushedObsBench(PushedBench):
    kind = KIND
    example = json.dumps(PUSHED).encode()

    def make(self, **settings: object) -> Trigger:
        return PushedTrigger(ObsSettings(**(PUSHED | settings)), Recorder("local-1", "t1", "auto"))

    async def send(self, value: bytes) -> tuple[int, str]:
        return await post(self.url, text_of(value).encode(), {"Authorization": f"Bearer {TOKEN}"})

    def produced(self, record: Record) -> bytes | None:
        return produced(record)


class QueueBench(Bench):
    kind = KIND
    example = json.dumps(PULLED).encode()
    window = Window(MOST, MOST * 200_200)
    cannot = QUEUE_CANNOT

    def __init__(self) -> None:
        self.server = FakeServer()
        self._kept: dict[str, Record] = {}

    def trigger(self, **settings: object) -> Trigger:
        own = ObsSettings(**(PULLED | {"prefetch": MOST} | settings))
        return Unpacking(PulledTrigger(own, FakeQueue(self.server), Recorder("local-1", "t1", "auto")), self._kept)

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.server.send(text_of(value or b""))

    async def confirmed(self) -> int:
        return self.server.forgotten

    async def now_ms(self) -> int:
        return int(time.time() * 1000)

    async def lose_connection(self) -> None:
        self.server.connected = False
        self.server.changed.set()

    def event(self, records: Sequence[Record]) -> bytes:
        return super().event([self._kept[record.id] for record in records])


class RealQueueBench(QueueBench):
    """A bucket and a queue of its own, at the end of a cable. What is too long for a key is sent to the queue as the bucket would."""

    deadline_s = 40.0
    patience_s = 0.5

    def __init__(self, moto: Moto, cable: Cable) -> None:
        super().__init__()
        self.moto = moto
        self.cable = cable
        self.service = Service(moto)
        self._sent = 0
        self._queue = ""
        self._bucket = f"photos-{secrets.token_hex(4)}"

    async def prepare(self) -> None:
        self._queue = await asyncio.to_thread(self.service.queue)
        await asyncio.to_thread(self.service.notifying_bucket, self._bucket, self._queue)
        await asyncio.to_thread(self.service.drain, self._queue)

    def trigger(self, **settings: object) -> Trigger:
        place = {"bucket": self._bucket, "queue_url": self._queue, "endpoint": self.cable.endpoint, "region": self.moto.region}
        data = PULLED | place | {"visibility_timeout": 5, "prefetch": MOST} | settings
        trigger = KIND.build(BINDING, msgspec.json.decode(json.dumps(data), type=KIND.settings))
        return Unpacking(trigger, self._kept)

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self._produce, values)
        self._sent += len(values)

    def _produce(self, values: Sequence[bytes | None]) -> None:
        for value in values:
            try:
                key = LETTER + (value or b"").decode()
            except UnicodeDecodeError:
                key = ""
            if key and len(quote_plus(key)) < LONGEST_KEY and "\0" not in key:
                self.service.put(self._bucket, key)
            else:
                self.service.send(self._queue, text_of(value or b"").replace('"photos"', f'"{self._bucket}"'))

    async def confirmed(self) -> int:
        return self._sent - await asyncio.to_thread(self.service.left, self._queue)

    async def lose_connection(self) -> None:
        await asyncio.to_thread(self.cable.cut)


class TestPushed(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = PushedObsBench()
        yield bench
        await bench.close()


class TestFakeQueue(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> Bench:
        return QueueBench()


class TestRealQueue(TriggerConformance):
    @pytest.fixture
    async def bench(self, moto: Moto) -> AsyncIterator[Bench]:
        with Cable(moto.endpoint) as cable:
            bench = RealQueueBench(moto, cable)
            await bench.prepare()
            yield bench


def test_what_cannot_be_is_said_of_both_ways() -> None:
    assert set(PUSHED_CANNOT) - set(QUEUE_CANNOT) == {"a_lost_connection_is_named"}
