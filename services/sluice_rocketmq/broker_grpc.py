"""RocketMQ's gRPC proxies, as one member of a consumer group."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress

from sluice.addresses import first_that_answers
from sluice.errors import ConfigurationError, SourceLost, Unavailable, foremost
from sluice_rocketmq.body import unpacked
from sluice_rocketmq.broker import Message, Place, Receipt
from sluice_rocketmq.proxy import Proxy
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.status import NO_MESSAGE, NO_TOPIC, NOT_OURS, OK, error_of
from sluice_rocketmq.v2 import messaging_pb2 as v2

POLL_S = 5.0
"""The server answers an empty hand after so long; it accepts no less."""
BEAT_S = 10.0
LOOK_S = 30.0
"""How often it is asked where the topics are."""
APPEAR_S = 15.0
"""A server that has just started knows its topics only after some seconds."""
AGAIN_S = 0.5
CLOSE_S = 2.0
SIMPLE_CONSUMER = 3
_READABLE = frozenset({2, 4})
_FILTERS = {"TAG": 1, "SQL92": 2}


class GrpcBroker:
    """A connection to each proxy that has something of the topics. `open` begins new ones each time."""

    def __init__(self, settings: RocketSettings, group: str) -> None:
        self._settings = settings
        self._group = v2.Name(namespace=settings.namespace, name=group)
        self._filter = v2.Filter(type=_FILTERS[settings.filter_type], expression=settings.filter_expression)
        self._proxies: dict[str, Proxy] = {}
        self._places: list[Place] = []

    async def open(self) -> list[Place]:
        client = f"sluice-{secrets.token_hex(8)}"
        first = await first_that_answers(self._settings.servers, lambda host, port: self._connect(client, _endpoint(host, port)))
        self._places = await self._find(first)
        for endpoint in {place.endpoint for place in self._places} - {first.endpoint}:
            await self._connect(client, endpoint)
        for proxy in self._proxies.values():
            await proxy.join(self._own_settings(proxy.endpoint))
        await self.beat()
        return self._places

    async def _connect(self, client: str, endpoint: str) -> Proxy:
        """That it answers is seen from its knowing the first topic."""
        proxy = Proxy(self._settings, client, endpoint)
        try:
            await self._route(proxy, self._settings.topics[0])
        except BaseException:
            await proxy.close()
            raise
        self._proxies[endpoint] = proxy
        return proxy

    async def _find(self, proxy: Proxy) -> list[Place]:
        found = [place for topic in self._settings.topics for place in await self._route(proxy, topic)]
        return sorted(set(found))

    async def _route(self, proxy: Proxy, topic: str) -> list[Place]:
        answer = await self._asked(proxy, topic)
        about = f"{proxy.endpoint}: topic {topic}"
        if answer.status.code != OK:
            raise error_of(answer.status.code, answer.status.message, about)
        places = [_place(queue, topic, proxy.endpoint) for queue in answer.queues if queue.permission in _READABLE]
        if not places:
            raise SourceLost(f"{about} has no queue that can be read")
        return places

    async def _asked(self, proxy: Proxy, topic: str) -> v2.RouteResponse:
        """A topic that is not there is asked for again for a while."""
        request = v2.RouteRequest(topic=self._name(topic), endpoints=_endpoints(proxy.endpoint))
        loop = asyncio.get_running_loop()
        until = loop.time() + APPEAR_S
        while True:
            answer: v2.RouteResponse = await proxy.route(request)
            if answer.status.code != NO_TOPIC or loop.time() >= until:
                return answer
            await asyncio.sleep(AGAIN_S)

    async def receive(self, place: Place, most: int, invisible_s: float) -> list[Message]:
        request = v2.ReceiveRequest(
            group=self._group,
            queue=v2.Queue(topic=self._name(place.topic), id=-1, broker=v2.Broker(name=place.broker)),
            filter=self._filter,
            batch_size=most,
        )
        request.invisible_duration.FromMilliseconds(int(invisible_s * 1000))
        request.long_polling_timeout.FromMilliseconds(int(POLL_S * 1000))
        messages, status = [], None
        async for answer in self._proxy(place).receive(request, POLL_S):
            if answer.HasField("message"):
                messages.append(_message(answer.message, place.topic))
            elif answer.HasField("status"):
                status = answer.status
        if not messages and status is not None and status.code not in (OK, NO_MESSAGE):
            raise error_of(status.code, status.message, f"{place.endpoint}: receiving from {place.topic}")
        return messages

    async def acknowledge(self, place: Place, receipts: Sequence[Receipt]) -> int:
        request = v2.AckRequest(group=self._group, topic=self._name(place.topic))
        for receipt in receipts:
            request.entries.add(message_id=receipt.id, receipt_handle=receipt.handle)
        answer = await self._proxy(place).acknowledge(request)
        each = [result.status for result in answer.results] or [answer.status] * len(receipts)
        for status in each:
            if status.code not in (OK, NOT_OURS):
                raise error_of(status.code, status.message, f"{place.endpoint}: acknowledging messages of {place.topic}")
        return sum(status.code == NOT_OURS for status in each)

    async def hide(self, place: Place, receipt: Receipt, for_s: float) -> Receipt | None:
        request = v2.InvisibleRequest(
            group=self._group, topic=self._name(place.topic), receipt_handle=receipt.handle, message_id=receipt.id
        )
        request.invisible_duration.FromMilliseconds(int(for_s * 1000))
        answer = await self._proxy(place).hide(request)
        if answer.status.code == NOT_OURS:
            return None
        if answer.status.code != OK:
            raise error_of(answer.status.code, answer.status.message, f"{place.endpoint}: prolonging a message of {place.topic}")
        return Receipt(receipt.id, answer.receipt_handle)

    async def beat(self) -> None:
        request = v2.HeartbeatRequest(group=self._group, client_type=SIMPLE_CONSUMER)
        for proxy in self._proxies.values():
            answer = await proxy.beat(request)
            if answer.status.code != OK:
                raise error_of(answer.status.code, answer.status.message, f"{proxy.endpoint}: joining {self._group.name}")

    async def watch(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for proxy in self._proxies.values():
                    tasks.create_task(proxy.watch())
                tasks.create_task(self._beat_on())
                tasks.create_task(self._look_on())
        except BaseExceptionGroup as group:
            raise foremost(group) from None

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.beat()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if await self._find(next(iter(self._proxies.values()))) != self._places:
                raise SourceLost("the topics have moved")

    async def close(self) -> None:
        proxies, self._proxies = self._proxies, {}
        for proxy in proxies.values():
            with suppress(Unavailable, ConfigurationError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await proxy.leave(v2.EndRequest(group=self._group))
            await proxy.close()

    def _proxy(self, place: Place) -> Proxy:
        proxy = self._proxies.get(place.endpoint)
        if proxy is None:
            raise SourceLost("not connected")
        return proxy

    def _name(self, topic: str) -> v2.Name:
        return v2.Name(namespace=self._settings.namespace, name=topic)

    def _own_settings(self, endpoint: str) -> v2.Settings:
        interests = [v2.Interest(topic=self._name(topic), filter=self._filter) for topic in self._settings.topics]
        settings = v2.Settings(
            client_type=SIMPLE_CONSUMER,
            endpoints=_endpoints(endpoint),
            subscription=v2.Subscription(group=self._group, interests=interests),
        )
        settings.request_timeout.FromSeconds(10)
        settings.subscription.long_polling_timeout.FromMilliseconds(int(POLL_S * 1000))
        settings.agent.MergeFrom(v2.Agent(language=6, version="5.0.0", platform="sluice"))
        return settings


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _endpoints(endpoint: str) -> v2.Endpoints:
    host, _, port = endpoint.rpartition(":")
    scheme = 2 if ":" in host else 1 if host.replace(".", "").isdigit() else 3
    return v2.Endpoints(scheme=scheme, addresses=[v2.Address(host=host.strip("[]"), port=int(port))])


def _place(queue: v2.Queue, topic: str, asked: str) -> Place:
    addresses = [_endpoint(address.host, address.port) for address in queue.broker.endpoints.addresses]
    return Place(topic, queue.broker.name, asked if not addresses or asked in addresses else addresses[0])


def _message(message: v2.Message, topic: str) -> Message:
    system = message.system_properties
    return Message(
        system.message_id,
        system.receipt_handle,
        unpacked(message.body, system.body_encoding),
        topic,
        system.born_at.ToMilliseconds(),
        system.tag,
        tuple(system.keys),
        system.message_group,
        system.delivery_attempt,
        dict(message.user_properties),
        system.trace_context,
    )
