"""What reading a RabbitMQ queue costs by itself, in a process of its own:

    python -m tools.benches.rabbitmq_loop bare|kind HOST:PORT USER PASSWORD VHOST QUEUE MESSAGES

`bare` is the driver's own loop, one acknowledgement for a hundred messages. `kind` is the trigger on an intake that accepts at once and
has an event made of every fifty messages. Prints messages a second and CPU microseconds a message, from the first message to the last.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import uvloop
from pika import ConnectionParameters, PlainCredentials
from pika.adapters.asyncio_connection import AsyncioConnection

from sluice.binding import Binding
from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import DONE, Outcome
from sluice.push import Serve
from sluice_rabbitmq import KIND
from sluice_rabbitmq.settings import RabbitSettings

PREFETCH = 400
BATCH = 50
ACKNOWLEDGE = 100
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


class Count:
    """Runs the clocks from the first message on. `done` is set with the last one."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self.seen = 0
        self.done = asyncio.Event()
        self._wall = self._cpu = 0.0

    def one(self) -> None:
        if not self.seen:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.seen += 1
        if self.seen == self._messages:
            self._wall, self._cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            self.done.set()

    def told(self) -> dict[str, float]:
        return {"rate": self._messages / self._wall, "cpu_us": self._cpu / self._messages * 1e6}


class AcceptsAtOnce:
    """An intake without a mesh behind it."""

    def __init__(self, binding: Binding, settings: RabbitSettings, count: Count) -> None:
        self._binding = binding
        self._settings = settings
        self._count = count
        self._gathered: list[Record] = []
        self._loop = asyncio.get_running_loop()

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        raise NotImplementedError

    def release(self, claim: Claim) -> None:
        raise NotImplementedError

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        raise NotImplementedError

    def deliver(self, record: Record) -> "asyncio.Future[Outcome]":
        self._gathered.append(record)
        if len(self._gathered) == BATCH:
            KIND.shape(self._binding, self._settings, self._gathered)
            self._gathered = []
        self._count.one()
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        answer.set_result(DONE)
        return answer

    def rest(self, until: float) -> None:
        """It reads until it is ended."""

    def serve(self, answer: Serve, *topics: str) -> None:
        """Nobody pushes."""

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """It reads until it is ended."""

    def lag(self, source: str, records: int) -> None:
        """Nobody looks."""


async def kind(address: str, user: str, password: str, vhost: str, queue: str, count: Count) -> None:
    login = {"connect_address": address, "access_user": user, "access_password": password, "vhost": vhost}
    text = json.dumps({**login, "queue_name": queue, "passive": True, "prefetch": PREFETCH, "batch_size": BATCH}).encode()
    settings = msgspec.json.decode(text, type=RabbitSettings)
    binding = Binding("bench", "p1", "RABBITMQ", "rabbitmq", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(AcceptsAtOnce(binding, settings, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(address: str, user: str, password: str, vhost: str, queue: str, count: Count) -> None:
    host, _, port = address.rpartition(":")
    closed = asyncio.Event()

    def received(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        count.one()
        if method.delivery_tag % ACKNOWLEDGE == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)

    def channelled(channel: Any) -> None:
        channel.basic_qos(prefetch_count=PREFETCH, callback=lambda _: channel.basic_consume(queue, received))

    connection = AsyncioConnection(
        ConnectionParameters(host, int(port), vhost, PlainCredentials(user, password)),
        on_open_callback=lambda opened: opened.channel(on_open_callback=channelled),
        on_close_callback=lambda _connection, _reason: closed.set(),
        custom_ioloop=asyncio.get_running_loop(),
    )
    await count.done.wait()
    connection.close()
    await closed.wait()


async def main() -> None:
    what, address, user, password, vhost, queue, messages = sys.argv[1:]
    count = Count(int(messages))
    await {"bare": bare, "kind": kind}[what](address, user, password, vhost, queue, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
