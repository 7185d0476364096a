"""The gateway's HTTP triggers under the conformance suite: asynchronous ones, on a real socket, by a client of its own."""

import asyncio
import base64
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec
import pytest

from sluice.binding import Mode
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.dispatch import Session
from sluice.event import Event, Record, id_text
from sluice.function import Function
from sluice.outcome import Outcome
from sluice.trigger import Intake, Trigger
from sluice_gateway import KIND
from sluice_gateway.app import Gateway
from sluice_gateway.limits import Limits
from sluice_gateway.service import GatewayService
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.suite import TriggerConformance

WINDOW = Window(records=16, size=1_000_000)
LIMITS = Limits(held=WINDOW.size, connections=WINDOW.records, shutdown_s=1)


class IntakeDispatch:
    """The dispatcher's port over an intake: each event is the record that it was made of."""

    def __init__(self, intake: Intake, arrived: asyncio.Event) -> None:
        self._intake = intake
        self._arrived = arrived

    def session(self, service: str) -> Session:
        raise NotImplementedError

    def filtered(self, trigger: str, records: int) -> None:
        raise NotImplementedError

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        whole = json.loads(event.body)
        record = Record(base64.b64decode(whole["body"]), trigger, "", time.time_ns() // 1_000_000, id=id_text(event.id))
        delivering = asyncio.ensure_future(self._intake.deliver(record))
        await asyncio.sleep(0)  # the intake has it before the next request may follow
        self._arrived.set()
        return await delivering

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        raise NotImplementedError

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        raise NotImplementedError

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        raise NotImplementedError


class Served:
    """A gateway with one trigger, as a trigger."""

    def __init__(self, bench: "GatewayBench") -> None:
        self._bench = bench

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        snapshot = Snapshot()
        binding = msgspec.structs.replace(BINDING, type="APIG", kind="gateway", settings=self._bench.example, mode=Mode.ASYNC)
        snapshot.apply(Change(1, function=Function(binding.function)))
        snapshot.apply(Change(2, binding=binding))
        dispatch = IntakeDispatch(intake, self._bench.arrived)
        gateway = Gateway(dispatch, snapshot, api=nothing_behind, exposition=no_metrics, may_read=bool, clock=SystemClock(), limits=LIMITS)
        service = GatewayService(gateway, "127.0.0.1:0")

        def listening() -> None:
            self._bench.port = int(service.url.rpartition(":")[2])
            ready()

        await service.run(listening)


async def no_metrics() -> str:
    return ""


async def nothing_behind(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


class GatewayBench(Bench):
    """Sends one request for each value, the next as soon as the one before has arrived; comes back when told 429."""

    kind = KIND
    example = b'{"path": "/orders", "req_method": "POST", "auth": "NONE", "func_info": {"invocation_type": "async"}}'
    window = WINDOW
    pushed = True
    cannot: Mapping[str, str] = {
        "order_is_kept": "requests run beside each other",
        "a_lost_connection_is_named": "callers connect to us",
        "it_goes_on_from_the_claimed_position": "a request has no position",
        "a_claim_taken_over_ends_reading": "a request has no position",
        "gaps_and_empty_records_move_the_position": "a request has no position",
        "a_position_outside_the_log_obeys_its_policy": "a request has no position",
    }

    def __init__(self) -> None:
        self.port = 0
        self.arrived = asyncio.Event()
        self._told: list[str] = []
        self._requests: set[asyncio.Task[None]] = set()
        self._producing: set[asyncio.Task[None]] = set()

    def trigger(self, **settings: object) -> Trigger:
        return Served(self)

    async def produce(self, *values: bytes | None) -> None:
        task = asyncio.create_task(self._produce(values))
        self._producing.add(task)

    async def _produce(self, values: Sequence[bytes | None]) -> None:
        for value in values:
            while len(self._requests) >= WINDOW.records:
                await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
            self.arrived.clear()
            request = asyncio.create_task(self._request(value or b""))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            arrival = asyncio.create_task(self.arrived.wait())
            await asyncio.wait({request, arrival}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()

    async def _request(self, body: bytes) -> None:
        while True:
            status, retry_after, text = await self._exchange(body)
            if status != 429 and b"too many connections" not in text:
                break
            await asyncio.sleep(0.01)
        word = {202: "accepted", 503: f"retry {retry_after}", 400: "refused"}.get(status, f"status {status}")
        self._told.append(word)

    async def _exchange(self, body: bytes) -> tuple[int, str, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        try:
            answer = await reader.read()
        except ConnectionResetError:  # one connection too many, closed before it was read
            return 429, "", b""
        finally:
            writer.close()
        after = answer.partition(b"retry-after: ")[2].partition(b"\r\n")[0].decode()
        return int(answer[9:12]), after, answer

    async def confirmed(self) -> int:
        return sum(word in ("accepted", "refused") for word in self._told)

    async def told(self) -> list[str]:
        return self._told

    async def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def event(self, records: Sequence[Record]) -> bytes:
        """Each request is an event of its own."""
        events = [super(GatewayBench, self).event([record]) for record in records]
        return events[0] if len(events) == 1 else b"[" + b",".join(events) + b"]"

    async def close(self) -> None:
        for task in (*self._producing, *self._requests):
            task.cancel()
        await asyncio.gather(*self._producing, *self._requests, return_exceptions=True)


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = GatewayBench()
        yield bench
        await bench.close()
