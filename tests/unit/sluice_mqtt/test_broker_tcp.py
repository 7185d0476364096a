"""One session over TCP, against a server that says exactly what a test wants."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice_mqtt import broker_tcp
from sluice_mqtt.broker import Message
from sluice_mqtt.broker_tcp import TcpBroker
from sluice_mqtt.settings import MqttSettings
from tests.waiting import until

WELCOME = b"\x20\x03\x00\x00\x00"
WELCOME_BACK = b"\x20\x03\x01\x00\x00"
GRANTED = b"\x90\x04\x00\x01\x00\x01"


def published(packet: int, payload: bytes = b"p", qos: int = 1) -> bytes:
    body = b"\x00\x01a" + packet.to_bytes(2, "big") + b"\x00" + payload
    assert len(body) < 128
    return bytes((0x30 | qos << 1, len(body))) + body


class Script:
    """A server of one connection: what it answers to a login and to a subscription, and what it was told."""

    def __init__(self) -> None:
        self.welcome, self.granted = WELCOME, GRANTED
        self.told = bytearray()
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(65536):
            self.told += data
            writer.write({0x10: self.welcome, 0x82: self.granted}.get(data[0], b""))
            if b"\xe0\x00" in data:
                break
        writer.close()

    def say(self, data: bytes) -> None:
        self.writers[-1].write(data)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    made = Script()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


class Session:
    """A broker and what it has given."""

    def __init__(self, script: Script, **changes: object) -> None:
        address = f"127.0.0.1:{script.port}"
        settings = msgspec.convert({"connect_address": address, "topics": ["a"], "prefetch": 2} | changes, MqttSettings)
        self.broker = TcpBroker(settings, "client", ["a"])
        self.given: list[Message] = []

    async def begin(self) -> None:
        await self.broker.open()
        await self.broker.subscribe(self.given.append)


@pytest.mark.parametrize(
    ("welcome", "error", "said"),
    [
        (b"\x20\x03\x00\x86\x00", SourceRefused, "bad user name or password"),
        (b"\x20\x02\x00\x01", SourceRefused, "unsupported protocol version"),
        (b"\x20\x03\x00\x88\x00", SourceLost, "server unavailable"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100, SourceLost, "does not speak MQTT"),
    ],
)
async def test_a_login_that_is_answered_otherwise_says_how(script: Script, welcome: bytes, error: type[Exception], said: str) -> None:
    script.welcome = welcome
    with pytest.raises(error, match=said):
        await Session(script).begin()


async def test_a_filter_that_is_refused_is_named(script: Script) -> None:
    script.granted = b"\x90\x04\x00\x01\x00\x87"
    session = Session(script)
    with pytest.raises(SourceRefused, match="subscribing to 'a' was refused: not authorized"):
        await session.begin()
    await session.broker.close()


async def test_a_server_that_never_answers_is_lost(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_tcp, "CONNECT_S", 0.05)
    script.welcome = b""
    with pytest.raises(SourceLost, match="does not answer"):
        await Session(script).begin()


async def test_what_waited_in_the_session_comes_behind_the_subscription(script: Script) -> None:
    script.welcome = WELCOME_BACK + published(1) + published(2) + published(3)
    session = Session(script)
    await session.broker.open()
    assert session.given == []
    await session.broker.subscribe(session.given.append)
    assert [message.tag for message in session.given] == [1, 2, 3]
    await session.broker.close()


async def test_what_is_done_behind_an_open_message_takes_room_until_it_is_answered(script: Script) -> None:
    """Of a server that gives out more than it was told to: all that is not answered would come twice."""
    session = Session(script)
    await session.begin()
    script.say(b"".join(published(packet) for packet in (1, 2, 3, 4)))
    await until(lambda: len(session.given) == 2)
    session.broker.done(2)
    for _ in range(20):
        await asyncio.sleep(0.005)
        assert len(session.given) == 2
    session.broker.done(1)
    await until(lambda: len(session.given) == 4)
    await session.broker.close()


async def test_no_more_is_taken_than_there_is_room_for(script: Script) -> None:
    session = Session(script)
    await session.begin()
    script.say(b"".join(published(packet) for packet in (1, 2, 3, 4)))
    await until(lambda: len(session.given) == 2)
    session.broker.done(1)
    await until(lambda: len(session.given) == 3)
    session.broker.done(2)
    session.broker.done(3)
    await until(lambda: len(session.given) == 4)
    await until(lambda: script.told.endswith(b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x00\x03"))
    await session.broker.close()


async def test_quality_two_is_received_released_and_completed(script: Script) -> None:
    session = Session(script)
    await session.begin()
    script.say(published(7, qos=2))
    await until(lambda: len(session.given) == 1)
    script.say(published(7, qos=2))
    session.broker.done(1)
    await until(lambda: b"\x50\x02\x00\x07" in script.told)
    script.say(published(7, qos=2))
    await until(lambda: script.told.count(b"\x50\x02\x00\x07") == 2)
    script.say(b"\x62\x02\x00\x07")
    await until(lambda: script.told.endswith(b"\x70\x02\x00\x07"))
    assert len(session.given) == 1
    script.say(published(7, qos=2))
    await until(lambda: len(session.given) == 2)
    await session.broker.close()


async def test_the_last_words_are_what_is_done_and_a_farewell(script: Script) -> None:
    session = Session(script)
    await session.begin()
    script.say(published(1) + published(2))
    await until(lambda: len(session.given) == 2)
    session.broker.done(2)
    await session.broker.close()
    assert script.told.endswith(b"\x40\x02\x00\x02\xe0\x00")


async def test_silence_is_asked_about_and_then_a_loss(script: Script) -> None:
    script.welcome = b"\x20\x06\x00\x00\x03\x13\x00\x01"
    session = Session(script)
    await session.begin()
    with pytest.raises(SourceLost, match="has been silent"):
        await asyncio.wait_for(session.broker.watch(), 5)
    assert b"\xc0\x00" in script.told
    await session.broker.close()


@pytest.mark.parametrize(("said", "reason"), [(b"\xe0\x02\x8e\x00", "session taken over"), (b"\xff\x00", "does not speak MQTT")])
async def test_what_ends_a_connection_is_told(script: Script, said: bytes, reason: str) -> None:
    session = Session(script)
    await session.begin()
    script.say(said)
    with pytest.raises(SourceLost, match=reason):
        await asyncio.wait_for(session.broker.watch(), 5)
    await session.broker.close()
