"""The adapter on a proxy in memory that speaks the real protocol."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice_rocketmq import broker_grpc
from sluice_rocketmq.broker import Place, Receipt
from sluice_rocketmq.broker_grpc import GrpcBroker
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.v2 import messaging_pb2 as v2
from tests.certificates import Authority, Certificate
from tests.rocketmq_proxy import NOT_OURS, MemoryProxy
from tests.waiting import until

WITHIN_S = 20.0


@pytest.fixture
def proxy() -> Iterator[MemoryProxy]:
    memory = MemoryProxy()
    memory.start()
    yield memory
    memory.stop()


def settings(proxy: MemoryProxy, **changes: Any) -> RocketSettings:
    return RocketSettings(**({"endpoints": proxy.address, "topic": proxy.topic} | changes))


@asynccontextmanager
async def opened(proxy: MemoryProxy, **changes: Any) -> AsyncIterator[tuple[GrpcBroker, Place]]:
    broker = GrpcBroker(settings(proxy, **changes), "group")
    try:
        yield broker, (await broker.open())[0]
    finally:
        await broker.close()


async def fails(proxy: MemoryProxy, **changes: Any) -> Exception:
    with pytest.raises((SourceLost, SourceRefused)) as failed:
        async with opened(proxy, **changes):
            pass
    return failed.value


async def test_what_was_received_is_acknowledged_once(proxy: MemoryProxy) -> None:
    proxy.publish(b"1", b"2", tag="t", keys=["k"], message_group="g")
    async with opened(proxy) as (broker, place):
        one, other = await broker.receive(place, 10, 30)
        receipts = [Receipt(one.id, one.handle), Receipt(other.id, other.handle)]
        assert await broker.acknowledge(place, receipts) == 0
        assert await broker.acknowledge(place, receipts) == 2
    assert (one.body, one.tag, one.keys, one.group, one.attempt) == (b"1", "t", ("k",), "g", 1)
    assert proxy.left == 0


async def test_a_message_that_is_given_back_comes_again_under_another_name(proxy: MemoryProxy) -> None:
    proxy.publish(b"1")
    async with opened(proxy) as (broker, place):
        (first,) = await broker.receive(place, 10, 30)
        assert await broker.hide(place, Receipt(first.id, first.handle), 0)
        (again,) = await broker.receive(place, 10, 30)
        assert await broker.hide(place, Receipt(first.id, first.handle), 30) is None
    assert (again.id, again.attempt) == (first.id, 2)


async def test_nothing_to_receive_is_an_empty_hand(proxy: MemoryProxy) -> None:
    async with opened(proxy) as (broker, place):
        assert await broker.receive(place, 10, 30) == []


async def test_a_packed_body_is_unpacked(proxy: MemoryProxy) -> None:
    proxy.publish(zlib.compress(b"1"), body_encoding=2)
    async with opened(proxy) as (broker, place):
        assert [message.body for message in await broker.receive(place, 10, 30)] == [b"1"]


async def test_requests_are_signed_with_the_key(proxy: MemoryProxy) -> None:
    proxy.access_key = "mine"
    async with opened(proxy, enable_acl=True, access_key="mine", secret_key="secret"):
        pass
    refused = await fails(proxy, enable_acl=True, access_key="other", secret_key="secret")
    assert isinstance(refused, SourceRefused)
    assert "access_key" in str(refused)
    assert "secret" not in str(refused).replace("secret_key", "")


@pytest.mark.parametrize("call", ["QueryRoute", "Heartbeat", "Telemetry"])
@pytest.mark.parametrize(("code", "kind"), [(40300, SourceRefused), (40403, SourceRefused), (42900, SourceLost), (50001, SourceLost)])
async def test_a_refusal_while_joining_is_told(proxy: MemoryProxy, call: str, code: int, kind: type[Exception]) -> None:
    proxy.refuse[call] = code
    failed = await fails(proxy)
    assert isinstance(failed, kind)
    assert "said by the proxy" in str(failed)


@pytest.mark.parametrize("call", ["ReceiveMessage", "AckMessage", "ChangeInvisibleDuration", "Heartbeat"])
async def test_a_refusal_later_is_told_too(proxy: MemoryProxy, call: str) -> None:
    proxy.publish(b"1")
    async with opened(proxy) as (broker, place):
        (message,) = await broker.receive(place, 1, 30)
        receipt = Receipt(message.id, message.handle)
        asked = {
            "ReceiveMessage": lambda: broker.receive(place, 1, 30),
            "AckMessage": lambda: broker.acknowledge(place, [receipt]),
            "ChangeInvisibleDuration": lambda: broker.hide(place, receipt, 30),
            "Heartbeat": broker.beat,
        }
        proxy.refuse[call] = 40100
        with pytest.raises(SourceRefused):
            await asked[call]()
        proxy.refuse[call] = 50400
        with pytest.raises(SourceLost):
            await asked[call]()


async def test_acknowledgements_that_come_too_late_are_counted(proxy: MemoryProxy) -> None:
    async with opened(proxy) as (broker, place):
        proxy.refuse["AckMessage"] = NOT_OURS
        assert await broker.acknowledge(place, [Receipt("m", "h")]) == 1


async def test_a_topic_that_is_not_there_is_refused_by_name(proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_grpc, "APPEAR_S", 0)
    refused = await fails(proxy, topic="others")
    assert isinstance(refused, SourceRefused)
    assert "others" in str(refused)


async def test_a_topic_that_appears_after_a_start_is_waited_for(proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_grpc, "AGAIN_S", 0.01)
    proxy.topic, topic = "not yet", proxy.topic
    opening = asyncio.create_task(opens(proxy, topic))
    await until(lambda: proxy.calls["QueryRoute"] >= 2)
    proxy.topic = topic
    await asyncio.wait_for(opening, WITHIN_S)


async def opens(proxy: MemoryProxy, topic: str) -> None:
    async with opened(proxy, topic=topic):
        pass


async def test_nobody_there_is_lost_and_the_next_endpoint_is_tried(proxy: MemoryProxy) -> None:
    assert isinstance(await fails(proxy, endpoints="127.0.0.1:1"), SourceLost)
    async with opened(proxy, endpoints=f"127.0.0.1:1,{proxy.address}") as (_, place):
        assert place.endpoint == proxy.address


async def test_an_address_of_version_6_is_one(proxy: MemoryProxy) -> None:
    lost = await fails(proxy, endpoints="[::1]:1")
    assert isinstance(lost, SourceLost)
    assert str(lost).startswith("[::1]:1: ")


async def test_a_proxy_that_goes_away_ends_the_watch(proxy: MemoryProxy) -> None:
    async with opened(proxy) as (broker, place):
        watching = asyncio.create_task(broker.watch())
        await broker.receive(place, 1, 30)
        await asyncio.to_thread(proxy.stop)
        await asyncio.wait({watching}, timeout=WITHIN_S)
        assert isinstance(watching.exception(), SourceLost)
        with pytest.raises(SourceLost):
            await broker.receive(place, 1, 30)


async def test_a_proxy_that_asks_to_connect_anew_ends_the_watch(proxy: MemoryProxy) -> None:
    async with opened(proxy) as (broker, _):
        watching = asyncio.create_task(broker.watch())
        await broker.beat()
        proxy.command(v2.Telemetry(settings=v2.Settings()))
        proxy.command(v2.Telemetry(reconnect=v2.ReconnectCommand(nonce="n")))
        await asyncio.wait({watching}, timeout=WITHIN_S)
        assert "anew" in str(watching.exception())


async def test_topics_that_move_to_another_broker_end_the_watch(proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_grpc, "LOOK_S", 0.01)
    async with opened(proxy) as (broker, _):
        watching = asyncio.create_task(broker.watch())
        await broker.beat()
        assert not watching.done()
        proxy.endpoints = [proxy.address, "127.0.0.1:1"]
        await asyncio.wait({watching}, timeout=WITHIN_S)
        assert "moved" in str(watching.exception())


async def test_every_broker_is_asked_where_its_own_proxy_is(proxy: MemoryProxy) -> None:
    other = MemoryProxy()
    other.start()
    try:
        proxy.endpoints = [proxy.address, other.address]
        other.publish(b"there")
        broker = GrpcBroker(settings(proxy), "group")
        places = await broker.open()
        assert {place.endpoint for place in places} == {proxy.address, other.address}
        (there,) = (place for place in places if place.endpoint == other.address)
        assert [message.body for message in await broker.receive(there, 10, 30)] == [b"there"]
        await broker.close()
    finally:
        other.stop()


async def test_a_certificate_of_an_authority_that_is_trusted(proxy: MemoryProxy) -> None:
    authority = Authority()
    await asyncio.to_thread(encrypt, proxy, authority.issue("127.0.0.1"))
    async with opened(proxy, ssl_enable=True, tls_ca=authority.certificate.decode()):
        pass
    refused = await fails(proxy, ssl_enable=True)
    assert isinstance(refused, SourceRefused)
    assert "tls_ca" in str(refused)


async def test_a_certificate_of_another_server_is_not_trusted(proxy: MemoryProxy) -> None:
    authority = Authority()
    await asyncio.to_thread(encrypt, proxy, authority.issue("elsewhere.example"))
    assert isinstance(await fails(proxy, ssl_enable=True, tls_ca=authority.certificate.decode()), SourceRefused)


async def test_a_certificate_that_cannot_be_read_is_refused_by_its_setting(proxy: MemoryProxy) -> None:
    assert "tls_ca" in str(await fails(proxy, ssl_enable=True, tls_ca="/no/such/file"))


def encrypt(proxy: MemoryProxy, certificate: Certificate) -> None:
    proxy.stop()
    proxy.certificate = certificate
    proxy.start()
