"""What reading a RabbitMQ queue costs by itself, in a process of its own:

    python -m tools.benches.rabbitmq_loop bare|kind HOST:PORT USER PASSWORD VHOST QUEUE MESSAGES

`bare` is the driver's own loop, one acknowledgement for a hundred messages. `kind` is the trigger on an intake that accepts at once and
has an event made of every fifty messages. Prints messages a second and CPU microseconds a message, from the first message to the last.
"""

import asyncio
import json
import sys
from typing import Any

import msgspec
import uvloop
from pika import ConnectionParameters, PlainCredentials
from pika.adapters.asyncio_connection import AsyncioConnection

from sluice.binding import Binding
from sluice_rabbitmq import KIND
from sluice_rabbitmq.settings import RabbitSettings
from tools.benches.loop import AcceptsAtOnce, Count

PREFETCH = 400
BATCH = 50
ACKNOWLEDGE = 100
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


async def kind(address: str, user: str, password: str, vhost: str, queue: str, count: Count) -> None:
    login = {"connect_address": address, "access_user": user, "access_password": password, "vhost": vhost}
    text = json.dumps({**login, "queue_name": queue, "passive": True, "prefetch": PREFETCH, "batch_size": BATCH}).encode()
    settings = msgspec.json.decode(text, type=RabbitSettings)
    binding = Binding("bench", "p1", "RABBITMQ", "rabbitmq", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(AcceptsAtOnce(KIND, binding, settings, count), lambda: None))
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
