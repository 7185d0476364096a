"""A publisher of a test's own, and a look at a node from outside: the blocking driver, not the one that the trigger uses."""

import http.client
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pika

from tests.servers import RabbitMq


class Publisher:
    """One exchange. Messages are persistent, and confirmed by the node when `publish` returns. Nothing stays open between two calls, so
    the node may be killed at any time."""

    def __init__(self, rabbitmq: RabbitMq, exchange: str, kind: str = "topic") -> None:
        self.exchange = exchange
        self._rabbitmq = rabbitmq
        host, _, port = rabbitmq.address.rpartition(":")
        login = pika.PlainCredentials(rabbitmq.username, rabbitmq.password)
        self._parameters = pika.ConnectionParameters(host, int(port), rabbitmq.vhost, login)
        with self._channel() as channel:
            channel.exchange_declare(exchange, kind, durable=True)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(self._parameters)
        try:
            yield connection.channel()
        finally:
            connection.close()

    def publish(self, *bodies: bytes, key: str = "k", **properties: Any) -> None:
        with self._channel() as channel:
            channel.confirm_delivery()
            for body in bodies:
                channel.basic_publish(self.exchange, key, body, pika.BasicProperties(delivery_mode=2, **properties))

    def publish_named(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Message ids and bodies; all are confirmed when it returns. Raises ConnectionError when the node goes away meanwhile: then nobody
        knows which have arrived."""
        _Confirmed(self._parameters, self.exchange, messages).run()

    def declare(self, queue: str, **arguments: Any) -> None:
        """A durable queue that gets everything of the exchange."""
        with self._channel() as channel:
            channel.queue_declare(queue, durable=True, arguments=arguments)
            channel.queue_bind(queue, self.exchange, "#")

    def delete(self, queue: str) -> None:
        with self._channel() as channel:
            channel.queue_delete(queue)

    def acknowledged(self) -> int:
        """How many messages consumers have acknowledged since the node started, in all queues."""
        asked = http.client.HTTPConnection("127.0.0.1", self._rabbitmq.figures_port, timeout=10)
        asked.request("GET", "/metrics")
        found = re.findall(r"^rabbitmq_global_messages_acknowledged_total\{.*\} (\d+)$", asked.getresponse().read().decode(), re.MULTILINE)
        asked.close()
        return sum(map(int, found))


class _Confirmed:
    """Publishes without waiting for one confirmation after another."""

    def __init__(self, parameters: pika.ConnectionParameters, exchange: str, messages: Sequence[tuple[str, bytes]]) -> None:
        self._exchange = exchange
        self._messages = messages
        self._open = set(range(1, len(messages) + 1))
        self._channel: Any = None
        self._connection = pika.SelectConnection(
            parameters, on_open_callback=self._opened, on_open_error_callback=self._closed, on_close_callback=self._closed
        )

    def run(self) -> None:
        try:
            self._connection.ioloop.start()
        finally:
            self._connection.ioloop.close()
        if self._open:
            raise ConnectionError(f"{len(self._open)} of {len(self._messages)} messages were not confirmed")

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channelled)

    def _channelled(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._confirmed, callback=self._publish)

    def _publish(self, _: Any) -> None:
        for name, body in self._messages:
            self._channel.basic_publish(self._exchange, "k", body, pika.BasicProperties(delivery_mode=2, message_id=name))

    def _confirmed(self, frame: Any) -> None:
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            self._connection.close()
            return
        tag = frame.method.delivery_tag
        self._open -= {number for number in self._open if number <= tag} if frame.method.multiple else {tag}
        if not self._open:
            self._connection.close()

    def _closed(self, connection: Any, _: Any) -> None:
        connection.ioloop.stop()
