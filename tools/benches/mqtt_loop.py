"""What reading an MQTT session costs by itself, in a process of its own:

    python -m tools.benches.mqtt_loop bare|kind HOST:PORT USER PASSWORD SESSION MESSAGES

`bare` is paho's own loop, which acknowledges each message when it has been seen. `kind` is the trigger on an intake that accepts at once
and has an event made of every fifty messages. Prints messages a second and CPU microseconds a message, from the first message to the last.
"""

import asyncio
import json
import sys
from typing import Any

import msgspec
import uvloop
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sluice.binding import Binding
from sluice.ledger import Claim, SourceKey
from sluice_mqtt import KIND
from sluice_mqtt.settings import MqttSettings
from tools.benches.loop import AcceptsAtOnce, Count

PREFETCH = 400
BATCH = 50
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"
EXPIRY_S = 600


def topic_of(session: str) -> str:
    """Each has one of its own."""
    return f"bench/{session}"


class OneReader(AcceptsAtOnce):
    """There is no other process that could read the session."""

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return Claim(SourceKey("bench", "1", source), 1, None)

    def release(self, claim: Claim) -> None:
        """It is read until the end."""


async def kind(address: str, user: str, password: str, session: str, count: Count) -> None:
    login = {"connect_address": address, "access_user": user, "access_password": password, "client_id": session}
    text = json.dumps({**login, "topics": [topic_of(session)], "prefetch": PREFETCH, "session_expiry_s": EXPIRY_S}).encode()
    settings = msgspec.json.decode(text, type=MqttSettings)
    binding = Binding("bench", "p1", "IOTDA", "mqtt", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(OneReader(KIND, binding, settings, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(address: str, user: str, password: str, session: str, count: Count) -> None:
    await asyncio.to_thread(_bare, address, user, password, session, count)


def _bare(address: str, user: str, password: str, session: str, count: Count) -> None:
    client = subscriber(address, user, password, session)
    client.on_message = lambda _client, _given, _message: count.one()
    while not count.done.is_set():
        client.loop()
    client.disconnect()


def subscriber(address: str, user: str, password: str, session: str) -> Client:
    """paho with that session; it subscribes as soon as its loop runs."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=session, protocol=MQTTv5)
    client.username_pw_set(user, password)
    client.on_connect = lambda connected, *_: connected.subscribe(topic_of(session), qos=1)
    asked: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    asked.ReceiveMaximum, asked.SessionExpiryInterval = PREFETCH, EXPIRY_S
    host, _, port = address.rpartition(":")
    client.connect(host, int(port), clean_start=False, properties=asked)
    return client


async def main() -> None:
    what, address, user, password, session, messages = sys.argv[1:]
    count = Count(int(messages))
    await {"bare": bare, "kind": kind}[what](address, user, password, session, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
