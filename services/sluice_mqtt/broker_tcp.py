"""An MQTT server over TCP or TLS, on this event loop."""

import asyncio
import ssl
from typing import Any, cast

import structlog

from sluice.addresses import first_that_answers
from sluice.errors import SourceLost, SourceRefused
from sluice.tls import client_context
from sluice_mqtt import packets, reasons
from sluice_mqtt.broker import Message, Receive
from sluice_mqtt.deliveries import Deliveries, Delivery
from sluice_mqtt.packets import Login, Malformed, Publish
from sluice_mqtt.settings import MqttSettings
from sluice_mqtt.topics import Template

CONNECT_S = 10.0
ANSWER_S = 15.0
CLOSE_S = 2.0
MOST_BYTES = 8 * 1024 * 1024
"""Of one session: while messages of this size are open, no more are taken from the connection."""
log = structlog.get_logger("sluice.mqtt")


class TcpBroker:
    """One session. `open` begins a new connection each time."""

    def __init__(self, settings: MqttSettings, client_id: str, filters: list[str]) -> None:
        self._settings = settings
        self._client_id = client_id
        self._filters = filters
        self._link: _Link | None = None

    async def open(self) -> None:
        self._link = await first_that_answers(self._settings.servers, self._connected)

    async def _connected(self, host: str, port: int) -> "_Link":
        place = f"{host}:{port}"
        link = _Link(self._settings, place)
        async with asyncio.timeout(CONNECT_S):
            await _reach(link, self._settings, host, port)
            try:
                await link.log_in(self._login())
            except BaseException:
                link.abort()
                raise
        return link

    def _login(self) -> Login:
        settings = self._settings
        return Login(
            packets.V5 if settings.protocol == "5" else packets.V311,
            self._client_id,
            settings.access_user,
            settings.access_password,
            settings.keep_alive_s,
            settings.session_expiry_s,
            settings.prefetch,
        )

    async def subscribe(self, receive: Receive) -> None:
        await self._linked.subscribe(self._filters, receive)

    def done(self, tag: int) -> None:
        if self._link is not None:
            self._link.done(tag)

    async def watch(self) -> None:
        await self._linked.watch()

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None and not await link.close():
            log.info("close_failed", client=self._client_id)

    @property
    def _linked(self) -> "_Link":
        if self._link is None:
            raise SourceLost("not connected")
        return self._link


async def _reach(link: "_Link", settings: MqttSettings, host: str, port: int) -> None:
    """Connect, and encrypt if that is asked for. The driver's errors become ours here."""
    context = client_context(settings.tls_ca, settings.tls_certificate, settings.tls_key) if settings.ssl_enable else None
    try:
        await asyncio.get_running_loop().create_connection(lambda: link, host, port, ssl=context)
    except ssl.SSLError as error:
        raise SourceRefused(f"{host}:{port}: TLS failed: {error.reason or error}") from error
    except TimeoutError:
        raise
    except OSError as error:
        raise SourceLost(f"{host}:{port}: {type(error).__name__}: {error}"[:300]) from error


class _Link(asyncio.Protocol):
    """One connection. `lost` holds what ended it."""

    def __init__(self, settings: MqttSettings, place: str) -> None:
        self._settings = settings
        self._place = place
        self._version = packets.V5 if settings.protocol == "5" else packets.V311
        self._loop = asyncio.get_running_loop()
        self._stream = packets.Stream()
        self._deliveries = Deliveries()
        self._early: list[Message] | None = []
        self._receive: Receive = self._early.append
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._answers = bytearray()
        self._session_was_there = False
        self._keep_alive_s = float(settings.keep_alive_s)
        self._heard = self._loop.time()
        self._topics = [Template(topic) for topic in settings.topics]
        self._paused = self._leaving = self._warned = False
        self._transport: asyncio.Transport | None = None
        self._ended = asyncio.Event()
        self.lost: asyncio.Future[Exception] = self._loop.create_future()

    # what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._leaving:
            return
        try:
            self._stream.feed(data)
            self._read()
        except Malformed as fault:
            self._lose(SourceLost(f"{self._place} does not speak MQTT: {fault}"))
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended.set()
        self._lose(SourceLost(f"{self._place}: {error or 'the connection was closed'}"[:300]))

    # what the trigger asks for

    async def log_in(self, login: Login) -> None:
        first, body = await self._ask(packets.connect(login))
        if first & 0xF0 != packets.CONNACK:
            raise SourceLost(f"{self._place} answers a login with something else")
        _, reason, properties = packets.connack(body, self._version)
        if reason:
            raise reasons.of_login(reason, properties.get(packets.REASON, ""), self._place)
        self._keep_alive_s = float(properties.get(packets.SERVER_KEEP_ALIVE, 0) or self._keep_alive_s)

    async def subscribe(self, filters: list[str], receive: Receive) -> None:
        """What comes before the answer waits for it: a session that was there sends at once."""
        handling = 1 if self._settings.retained == "deliver" else 2
        _, body = await self._ask(packets.subscribe(self._version, 1, filters, self._settings.qos, handling))
        _, answers, properties = packets.suback(body, self._version)
        for topic, reason in zip(filters, answers, strict=False):
            if reason >= 0x80:
                raise reasons.of_subscription(reason, properties.get(packets.REASON, ""), topic)
        early, self._early = self._early or [], None
        self._receive = receive
        for message in early:
            receive(message)

    def done(self, tag: int) -> None:
        self._tell(self._deliveries.done(tag))
        if self._paused:
            self._loop.call_soon(self._go_on)

    async def watch(self) -> None:
        while not self.lost.done():
            await asyncio.wait({self.lost}, timeout=self._keep_alive_s / 2)
            self._knock()
        raise self.lost.result()

    async def close(self) -> bool:
        """Whether it ended in time and in good order. The server ends it: whoever hangs up on unread data may lose its last words."""
        if self._transport is None or self._ended.is_set():
            return True
        self._leaving = True
        self._tell(self._deliveries.scattered())
        self._say(packets.BYE)
        self._flush()
        self._resume()
        try:
            await asyncio.wait_for(self._ended.wait(), CLOSE_S)
        except TimeoutError:
            self.abort()
            return False
        return True

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # between

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        """The packet that answers. Raises what ended the connection instead."""
        answer: asyncio.Future[tuple[int, bytes]] = self._loop.create_future()
        self._answer = answer
        self._say(request)
        waited: set[asyncio.Future[Any]] = {answer, self.lost}
        await asyncio.wait(waited, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        self._answer = None
        if answer.done():
            return answer.result()
        raise self.lost.result() if self.lost.done() else SourceLost(f"{self._place} does not answer")

    def _read(self) -> None:
        while first := self._stream.next():
            if first & 0xF0 == packets.PUBLISH and self._is_full():
                self._pause()
                return
            self._handle(first, self._stream.take())
        self._resume()

    def _is_full(self) -> bool:
        """Not every server keeps to the bound that it was told. But before the subscription is answered only the server's counts: the
        answer stands behind what waited in the session."""
        if self._early is not None:
            return False
        return self._deliveries.unanswered >= self._settings.prefetch or self._deliveries.size >= MOST_BYTES

    def _handle(self, first: int, body: bytes) -> None:
        match first & 0xF0:
            case packets.PUBLISH:
                self._take(packets.publish(first, body, self._version))
            case packets.PUBREL:
                packet = packets.number(body)
                self._deliveries.release(packet)
                self._say(packets.completed(packet))
            case packets.CONNACK | packets.SUBACK:
                # What waited in the session may come in the same piece.
                self._session_was_there |= first & 0xF0 == packets.CONNACK and packets.connack(body, self._version)[0]
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result((first, body))
            case packets.DISCONNECT:
                reason, properties = packets.disconnect(body)
                self._lose(reasons.of_end(reason, properties.get(packets.REASON, ""), self._place, asked=self._answer is not None))
            case packets.PINGRESP:
                pass
            case _:
                raise Malformed(f"a packet of type {first >> 4}")

    def _take(self, publish: Publish) -> None:
        tag = self._deliveries.begin(Delivery(publish.packet, publish.qos, len(publish.payload)))
        if not tag:
            if self._deliveries.is_received(publish.packet):
                self._say(packets.received(publish.packet))
        elif self._is_unwanted(publish):
            self.done(tag)
        else:
            self._receive(_message(tag, publish))

    def _is_unwanted(self, publish: Publish) -> bool:
        """A message of a subscription that the session has and the settings no longer, and a kept message that is not asked for. MQTT 3.1.1
        sends those at every subscription, so only those of the first one count."""
        if self._session_was_there and all(topic.match(publish.topic) is None for topic in self._topics):
            self._warn_once()
            return True
        if not publish.retained or (self._settings.retained == "deliver" and self._version == packets.V5):
            return False
        return self._settings.retained == "ignore" or (self._session_was_there and not publish.duplicate)

    def _warn_once(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning("messages of a former subscription are dropped", server=self._place)

    def _go_on(self) -> None:
        if self._paused and not self._leaving:
            try:
                self._read()
            except Malformed as fault:
                self._lose(SourceLost(f"{self._place} does not speak MQTT: {fault}"))
                self.abort()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._heard = self._loop.time()
        self._paused = False

    def _knock(self) -> None:
        """While nothing is read, silence says nothing."""
        if not self._paused and self._loop.time() - self._heard > self._keep_alive_s * 1.5:
            self._lose(SourceLost(f"{self._place} has been silent for {self._keep_alive_s * 1.5:g} s"))
        self._say(packets.PING)

    def _tell(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.qos:
                self._say((packets.acknowledged if delivery.qos == 1 else packets.received)(delivery.packet))

    def _say(self, packet: bytes) -> None:
        """Answers of one turn of the loop go out together."""
        if not self._answers:
            self._loop.call_soon(self._flush)
        self._answers += packet

    def _flush(self) -> None:
        if self._answers and self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes(self._answers))
        self._answers.clear()

    def _lose(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_result(error)


def _message(tag: int, publish: Publish) -> Message:
    found = publish.properties
    if not found:
        return Message(tag, publish.topic, publish.payload, publish.qos, publish.retained, publish.duplicate)
    return Message(
        tag,
        publish.topic,
        publish.payload,
        publish.qos,
        publish.retained,
        publish.duplicate,
        found.get(packets.CONTENT_TYPE, ""),
        found.get(packets.RESPONSE_TOPIC, ""),
        found.get(packets.CORRELATION, b""),
        tuple(found.get(packets.USER, ())),
    )
