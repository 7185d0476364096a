"""A publisher of a test's own, and a look at a node from outside: the blocking driver, not the one that the trigger uses."""

import http.client
import re
from collections.abc import Iterator
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
