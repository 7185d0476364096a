"""What reading a RocketMQ topic costs by itself, in a process of its own:

    python -m tools.benches.rocketmq_loop bare|kind HOST:PORT ACCESS_KEY SECRET_KEY TOPIC GROUP MESSAGES

`bare` is a loop over Apache's own client that receives and acknowledges. `kind` is the trigger on an intake that accepts at once and has an
event made of every fifty messages. Prints messages a second and CPU microseconds a message, from the first message to the last.
"""

import asyncio
import json
import sys

import msgspec
import uvloop

from sluice.binding import Binding
from sluice_rocketmq import KIND
from sluice_rocketmq.settings import RocketSettings
from tools.benches.loop import AcceptsAtOnce, Count

PREFETCH = 400
BATCH = 50
AT_ONCE = 32
"""The server gives no more in one answer."""
INVISIBLE_S = 60
POLL_S = 5
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


async def kind(address: str, access_key: str, secret_key: str, topic: str, group: str, count: Count) -> None:
    keys = {"endpoints": address, "enable_acl": True, "access_key": access_key, "secret_key": secret_key}
    text = json.dumps({**keys, "topic": topic, "consumer_group": group, "prefetch": PREFETCH, "batch_size": BATCH}).encode()
    settings = msgspec.json.decode(text, type=RocketSettings)
    binding = Binding("bench", "p1", "ROCKETMQ", "rocketmq", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(AcceptsAtOnce(KIND, binding, settings, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(address: str, access_key: str, secret_key: str, topic: str, group: str, count: Count) -> None:
    await asyncio.to_thread(_bare, address, access_key, secret_key, topic, group, count)


def _bare(address: str, access_key: str, secret_key: str, topic: str, group: str, count: Count) -> None:
    # It makes a folder in the user's home when it is imported: whoever starts this gives it another home.
    from rocketmq import ClientConfiguration, Credentials, FilterExpression, SimpleConsumer
    from rocketmq.v5.exception.client_exception import InternalErrorException

    configuration = ClientConfiguration(address, Credentials(access_key, secret_key), "", 10)
    consumer = SimpleConsumer(configuration, group, {topic: FilterExpression()}, await_duration=POLL_S)
    consumer.startup()
    while not count.done.is_set():
        try:
            received = consumer.receive(AT_ONCE, INVISIBLE_S)
        except InternalErrorException:  # the proxy does not know yet what the client told it at its start
            continue
        for message in received or ():
            consumer.ack(message)
            count.one()
    consumer.shutdown()


async def main() -> None:
    what, address, access_key, secret_key, topic, group, messages = sys.argv[1:]
    count = Count(int(messages))
    await {"bare": bare, "kind": kind}[what](address, access_key, secret_key, topic, group, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
