"""A RabbitMQ queue through pika, on this event loop."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from pika import BasicProperties, ConnectionParameters, PlainCredentials, SSLOptions, exceptions
from pika.adapters.asyncio_connection import AsyncioConnection

from sluice.addresses import first_that_answers
from sluice.errors import SourceLost, SourceRefused
from sluice.tls import client_context
from sluice_rabbitmq.queue import Message, Receive
from sluice_rabbitmq.settings import RabbitSettings

CONNECT_S = 10.0
ANSWER_S = 15.0
CLOSE_S = 2.0
HEARTBEAT_S = 15
"""A connection that is silent for twice this is lost."""
_REFUSED_CODES = frozenset({403, 404, 405, 406, 530})
"""AMQP: access refused, not found, locked, precondition failed, not allowed. A restarting server answers 404 and 541 for a moment."""
log = structlog.get_logger("sluice.rabbitmq")
# What it writes at each lost connection comes as an exception too.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class PikaQueue:
    """One connection, one channel, one consumer. `open` begins a new one each time."""

    def __init__(self, settings: RabbitSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._link: _Link | None = None

    async def open(self) -> None:
        self._link = await first_that_answers(self._settings.servers, self._connect)
        await self._link.open_channel()
        await self._declare(self._link)

    async def _connect(self, host: str, port: int) -> "_Link":
        return await _Link.to(self._parameters(host, port), self._name)

    def _parameters(self, host: str, port: int) -> Any:
        settings = self._settings
        context = client_context(settings.tls_ca, settings.tls_certificate, settings.tls_key) if settings.ssl_enable else None
        return ConnectionParameters(
            host=host,
            port=port,
            virtual_host=settings.vhost,
            credentials=PlainCredentials(settings.access_user, settings.access_password),
            ssl_options=SSLOptions(context, host) if context else None,
            heartbeat=HEARTBEAT_S,
            connection_attempts=1,
            socket_timeout=CONNECT_S,
            stack_timeout=CONNECT_S,
            client_properties={"connection_name": f"sluice {self._name}"},
        )

    async def _declare(self, link: "_Link") -> None:
        settings, channel = self._settings, link.channel
        if settings.passive or not settings.exchange_name:
            await link.asked(partial(channel.queue_declare, self._name, passive=True))
            return
        await link.asked(partial(channel.exchange_declare, settings.exchange_name, passive=True))
        arguments = {"x-queue-type": settings.queue_type}
        await link.asked(partial(channel.queue_declare, self._name, durable=True, arguments=arguments))
        for key in settings.routing_keys:
            await link.asked(partial(channel.queue_bind, self._name, settings.exchange_name, key))

    async def consume(self, prefetch: int, receive: Receive) -> None:
        link = self._linked
        await link.asked(partial(link.channel.basic_qos, prefetch_count=prefetch))
        await link.asked(partial(link.channel.basic_consume, self._name, partial(_received, receive)))

    def acknowledge(self, tag: int, *, with_earlier: bool) -> None:
        if self._link is not None and self._link.channel.is_open:
            self._link.channel.basic_ack(tag, multiple=with_earlier)

    async def depth(self) -> int:
        link = self._linked
        answer = await link.asked(partial(link.channel.queue_declare, self._name, passive=True))
        return int(answer.method.message_count)

    async def watch(self) -> None:
        raise await asyncio.shield(self._linked.lost)

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None and not await link.close():
            log.info("close_failed", queue=self._name)

    @property
    def _linked(self) -> "_Link":
        if self._link is None:
            raise SourceLost("not connected")
        return self._link


class _Link:
    """One connection with its channel. `lost` holds what ended it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._connection: Any = None
        self.channel: Any = None
        self.lost: asyncio.Future[Exception] = self._loop.create_future()
        self._ended = asyncio.Event()

    @classmethod
    async def to(cls, parameters: Any, name: str) -> "_Link":
        """Raises SourceLost, SourceRefused, TimeoutError."""
        link = cls(name)
        opened: asyncio.Future[Any] = link._loop.create_future()
        link._connection = AsyncioConnection(
            parameters,
            on_open_callback=partial(_set, opened),
            on_open_error_callback=lambda _connection, error: link._lose(error, f"{parameters.host}:{parameters.port}"),
            on_close_callback=lambda _connection, error: link._end(error),
            custom_ioloop=link._loop,
        )
        try:
            async with asyncio.timeout(CONNECT_S):
                await link._first(opened)
        except BaseException:
            await link.close()
            raise
        return link

    async def open_channel(self) -> None:
        opened: asyncio.Future[Any] = self._loop.create_future()
        self._connection.channel(on_open_callback=partial(_set, opened))
        self.channel = await self._first(opened)
        self.channel.add_on_close_callback(lambda _channel, error: self._lose(error, self._name))
        self.channel.add_on_cancel_callback(lambda _frame: self._lose(SourceLost("the queue was deleted, or its leader moved"), self._name))

    async def asked(self, method: Callable[..., Any]) -> Any:
        """What the server answers to a method of the channel. Raises what ended the connection instead."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        try:
            method(callback=partial(_set, answer))
        except exceptions.AMQPError as error:
            raise self._why(error) from error
        return await self._first(answer)

    async def close(self) -> bool:
        """Whether it ended in time and in good order."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return True
        if connection.is_open:
            connection.close()
        if await self._closed():
            return True
        # The driver has no word for this: without the server's answer it keeps the socket.
        connection._adapter_disconnect_stream()
        await self._closed()
        return False

    async def _closed(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), CLOSE_S)
        return self._ended.is_set()

    async def _first(self, answer: "asyncio.Future[Any]") -> Any:
        await asyncio.wait({answer, self.lost}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise self._why(SourceLost("the server does not answer"))

    def _why(self, otherwise: Exception) -> Exception:
        return self.lost.result() if self.lost.done() else _translated(otherwise, self._name)

    def _end(self, reason: Any) -> None:
        self._ended.set()
        self._lose(reason, self._name)

    def _lose(self, reason: Any, place: str) -> None:
        if not self.lost.done():
            self.lost.set_result(_translated(reason if isinstance(reason, Exception) else ConnectionError(str(reason)), place))


def _set(future: "asyncio.Future[Any]", value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _received(receive: Receive, _channel: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
    headers = properties.headers or {}
    receive(
        Message(
            method.delivery_tag,
            body,
            method.exchange,
            method.routing_key,
            properties.message_id or "",
            int(properties.timestamp or 0),
            int(headers.get("x-delivery-count", 1 if method.redelivered else 0)),
            properties.content_type or "",
            headers,
        )
    )


def _translated(error: Exception, place: str) -> Exception:
    """The driver's error as ours. It never holds the password."""
    error = _innermost(error)
    match error:
        case SourceLost() | SourceRefused():
            return error
        case ssl.SSLError():
            return SourceRefused(f"{place}: TLS failed: {error.reason or error}")
        case exceptions.ProbableAuthenticationError() | exceptions.AuthenticationError() | exceptions.ProbableAccessDeniedError():
            return SourceRefused(f"{place} refused the login: {error}")
        case exceptions.ConnectionClosed() | exceptions.ChannelClosed() if error.reply_code in _REFUSED_CODES:
            return SourceRefused(f"{place}: {error.reply_text}")
        case _:
            return SourceLost(f"{place}: {type(error).__name__}: {error}"[:300])


def _innermost(error: Exception) -> Exception:
    """The driver wraps what happened: in `exceptions` of all attempts, in `exception` of a phase, in the first argument."""
    inner = [*getattr(error, "exceptions", ())[-1:], getattr(error, "exception", None), *error.args[:1]]
    found = next((one for one in inner if isinstance(one, Exception)), None)
    return error if found is None else _innermost(found)
