"""The settings of a RabbitMQ trigger: FunctionGraph's names, and ours beside them."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.addresses import address_faults, addresses
from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings
from sluice.tls import tls_faults

_LONGEST_NAME = 255

Name = Annotated[str, Meta(max_length=_LONGEST_NAME)]


class RabbitSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of RABBITMQ. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once,
    and every fault is named (Invalid)."""

    hidden = frozenset({"access_password", "tls_key"})

    connect_address: str
    """Servers to try in turn: `host:port`, separated by commas."""
    exchange_name: Name = ""
    """Exchange whose messages are wanted; a queue is bound to it unless `passive`."""
    access_user: str = "guest"
    access_password: str
    vhost: str = "/"
    ssl_enable: bool = False
    instance_id: str = ""
    """Copied into the event; FunctionGraph's name of the RabbitMQ instance."""
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Largest number of messages in one event."""

    queue_name: Name = ""
    """The queue to read. "": one of the trigger's own, `sluice-<trigger id>`."""
    queue_type: Literal["quorum", "classic"] = "quorum"
    """Of a queue that is declared here."""
    routing_keys: list[Name] = msgspec.field(default_factory=lambda: ["#"])
    """What the queue is bound to the exchange with."""
    passive: bool = False
    """Declare and bind nothing: the queue exists and is somebody else's."""
    prefetch: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Most messages that are here and not yet accepted, but never fewer than two batches. RabbitMQ bounds them by count, not by size."""
    deduplicate: bool = True
    """Whether messages with the same `message_id` are the same message."""
    metadata: bool = False
    """Whether events carry routing key, message id, headers, time and redeliveries of each message."""
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the system's authorities."""
    tls_certificate: str = ""
    """Our own certificate for mutual TLS: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""

    def __post_init__(self) -> None:
        tls = tls_faults("ssl_enable", self.ssl_enable, self.tls_ca, self.tls_certificate, self.tls_key)
        faults = [*address_faults("connect_address", self.connect_address), *self._queue_faults(), *tls]
        if faults:
            raise Invalid(faults)

    @property
    def window(self) -> int:
        """How many messages are asked for."""
        return max(self.prefetch, 2 * self.batch_size if self.batch_size > 1 else 1)

    @property
    def servers(self) -> list[tuple[str, int]]:
        """Host and port of each server, as written but for spaces."""
        return addresses(self.connect_address)

    def _queue_faults(self) -> Iterator[Fault]:
        if not self.queue_name and (self.passive or not self.exchange_name):
            yield Fault("queue_name", "is mandatory when passive is true or there is no exchange_name")
        if self.exchange_name and not self.passive and not self.routing_keys:
            yield Fault("routing_keys", "holds at least one key ('' for an exchange that ignores it)")
