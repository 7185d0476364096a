"""What benches of pushed kinds have in common: a gateway on a real socket, through which their senders reach the trigger."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from sluice.binding import Binding
from sluice.catalog import Snapshot
from sluice.clock import SystemClock
from sluice.event import Record
from sluice.host.doors import LocalDoors
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.push import Answer, Request, Serve
from sluice.trigger import Intake, Trigger
from sluice_gateway.app import Gateway
from sluice_gateway.limits import Limits
from sluice_gateway.service import GatewayService
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.test_gateway import IntakeDispatch, no_metrics, nothing_behind

SENDERS = 16
"""So many send at the same time."""
LIMITS = Limits(held=64_000_000, connections=4 * SENDERS, shutdown_s=1)
PUSHED_CANNOT: Mapping[str, str] = {
    "order_is_kept": "senders send beside each other",
    "a_lost_connection_is_named": "senders connect to us",
    "it_goes_on_from_the_claimed_position": "what is pushed has no position",
    "a_claim_taken_over_ends_reading": "what is pushed has no position",
    "gaps_and_empty_records_move_the_position": "what is pushed has no position",
    "a_position_outside_the_log_obeys_its_policy": "what is pushed has no position",
}


class _Doored:
    """The test's intake; what the trigger serves is put behind the gateway."""

    def __init__(self, intake: Intake, serve: Callable[[Serve, tuple[str, ...]], None], bench: "PushedBench") -> None:
        self._intake = intake
        self._serve = serve
        self._bench = bench
        self.claim = intake.claim
        self.release = intake.release
        self.rest = intake.rest
        self.plan = intake.plan
        self.lag = intake.lag

    def serve(self, answer: Serve, *topics: str) -> None:
        self._serve(answer, topics)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self._intake.offer(claim, records, to)

    def deliver(self, record: Record) -> Awaitable[Outcome]:
        delivering = asyncio.ensure_future(self._intake.deliver(self._bench.plain(record)))
        asyncio.get_running_loop().call_soon(self._bench.arrived.set)
        return delivering


class BehindTheGateway:
    """A trigger, and the gateway through which it is pushed to."""

    def __init__(self, bench: "PushedBench", trigger: Trigger) -> None:
        self._bench = bench
        self._trigger = trigger

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        doors = LocalDoors(list)
        dispatch = IntakeDispatch(intake, self._bench.arrived)
        gateway = Gateway(
            dispatch,
            Snapshot(),
            api=nothing_behind,
            exposition=no_metrics,
            may_read=bool,
            clock=SystemClock(),
            limits=LIMITS,
            doors=doors,
        )
        service = GatewayService(gateway, self._bench.listen)
        listening = asyncio.Event()
        serving = asyncio.create_task(service.run(listening.set))
        await listening.wait()
        self._bench.url = f"{service.url}/sluice/v1/push/{self._bench.kind.name}/{self._bench.trigger_id}"
        doored = _Doored(intake, lambda serve, topics: doors.open(self._binding(), self._noted(serve), topics), self._bench)
        running = asyncio.create_task(self._trigger.run(doored, ready))
        try:
            await asyncio.wait({serving, running}, return_when=asyncio.FIRST_COMPLETED)
            for task in (running, serving):
                if task.done():
                    task.result()
        finally:
            for task in (serving, running):
                task.cancel()
            await asyncio.wait({serving, running})

    def _noted(self, serve: Serve) -> Serve:
        async def noted(request: Request) -> Answer:
            if not self._bench.is_ours(request):
                return Answer(202)
            try:
                answer = await serve(request)
            except asyncio.CancelledError:
                self._bench.answered(503, "1")  # by the gateway, which is stopping
                raise
            except Exception:
                self._bench.answered(500, "")
                raise
            self._bench.answered(answer.status, dict(answer.headers).get("retry-after", ""))
            return answer

        return noted

    def _binding(self) -> Binding:
        return msgspec.structs.replace(BINDING, kind=self._bench.kind.name, trigger=self._bench.trigger_id)


class PushedBench(Bench):
    """Sends one request for each value, the next as soon as the one before has arrived."""

    window = Window(SENDERS, SENDERS * 200_000)
    pushed = True
    cannot = PUSHED_CANNOT
    trigger_id = "0a0b0c0d-0000-4000-8000-000000000001"
    listen = "127.0.0.1:0"

    def __init__(self) -> None:
        self._originals: dict[str, Record] = {}
        self.url = ""
        """The trigger's own address, once it runs."""
        self.arrived = asyncio.Event()
        self._told: list[str] = []
        self._requests: set[asyncio.Task[None]] = set()
        self._producing: set[asyncio.Task[None]] = set()

    @abstractmethod
    def make(self, **settings: object) -> Trigger:
        """A new trigger, with these settings changed."""

    @abstractmethod
    async def send(self, value: bytes) -> tuple[int, str]:
        """Send one record to `url` as the source would; status and Retry-After of the answer."""

    def is_ours(self, request: Request) -> bool:
        """Whether it was sent for this bench: a sender that outlives it may come again with what another one produced."""
        return True

    def answered(self, status: int, retry_after: str) -> None:
        """What the trigger answered a request, for a sender that does not tell."""

    def produced(self, record: Record) -> bytes | None:
        """What was produced, of a kind whose records hold more than that."""
        return record.value

    def plain(self, record: Record) -> Record:
        """The record as the suite knows it: with what was produced as its value."""
        self._originals[record.position] = record
        return msgspec.structs.replace(record, value=self.produced(record))

    def event(self, records: Sequence[Record]) -> bytes:
        return super().event([self._originals.get(record.position, record) for record in records])

    def trigger(self, **settings: object) -> Trigger:
        return BehindTheGateway(self, self.make(**settings))

    async def produce(self, *values: bytes | None) -> None:
        self._producing.add(asyncio.create_task(self._produce(values)))

    async def _produce(self, values: Sequence[bytes | None]) -> None:
        for value in values:
            while len(self._requests) >= SENDERS:
                await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
            self.arrived.clear()
            request = asyncio.create_task(self._request(value or b""))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            arrival = asyncio.create_task(self.arrived.wait())
            await asyncio.wait({request, arrival}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()

    async def _request(self, value: bytes) -> None:
        self.tell(*await self.send(value))

    def tell(self, status: int, retry_after: str) -> None:
        """Note what the sender of a record was answered."""
        if status in (429, 503):
            word = f"retry {retry_after}"
        elif status == 400:
            word = "refused"
        else:
            word = "accepted" if 200 <= status < 300 else f"status {status}"
        self._told.append(word)

    async def confirmed(self) -> int:
        return sum(word in ("accepted", "refused") for word in self._told)

    async def told(self) -> list[str]:
        return self._told

    async def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def close(self) -> None:
        for task in (*self._producing, *self._requests):
            task.cancel()
        await asyncio.gather(*self._producing, *self._requests, return_exceptions=True)


async def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """One request on a connection of its own; status and Retry-After."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    lines = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    writer.write(f"POST /{path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    try:
        answer = await reader.read()
    except ConnectionResetError:
        return 429, ""
    finally:
        writer.close()
    after = answer.partition(b"retry-after: ")[2].partition(b"\r\n")[0].decode()
    return int(answer[9:12]), after
