"""The settings of a Kafka trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from sluice.addresses import address_faults
from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings
from sluice.tls import tls_faults

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NO_LOGIN = "FSS.1113"

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of KAFKA and OPENSOURCEKAFKA. Decoding refuses unknown keys and wrong types by name; what the fields mean together is
    checked at once, and every fault is named (Invalid)."""

    hidden = frozenset({"kafka_password", "tls_key"})

    kafka_connect_address: str
    """Brokers to begin with: `host:port`, separated by commas."""
    topic_ids: Annotated[list[str], Meta(min_length=1)]
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Largest number of records in one event."""
    instance_id: str = ""
    """Copied into the event; FunctionGraph's name of the Kafka instance."""
    kafka_user: str = ""
    kafka_password: str = ""
    kafka_ssl_enable: bool = False

    sasl_mechanism: Mechanism = "PLAIN"
    """How user and password are shown to the broker."""
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the system's authorities."""
    tls_certificate: str = ""
    """Our own certificate for mutual TLS: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""
    group_id: str = ""
    """Consumer group. "": `sluice-<trigger id>`."""
    start_position: Literal["latest", "earliest", "timestamp"] = "latest"
    """Where the first start begins when neither the ledger nor the group knows a position."""
    start_timestamp: Annotated[int, Meta(ge=0)] = 0
    """Milliseconds since the epoch, for `start_position: timestamp`."""
    position_lost: Literal["stop", "earliest", "latest"] = "stop"
    """What to do when the log no longer holds the position."""
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed"
    metadata: bool = False
    """Whether events carry key, partition, offset, timestamp and headers of each record."""
    cloudevents: bool = False
    """Whether every record is a CloudEvent; what is none becomes a dead event."""
    max_fetch_bytes: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    """Most bytes fetched from one partition at once; a larger record still comes, alone."""

    def __post_init__(self) -> None:
        faults = [*address_faults("kafka_connect_address", self.kafka_connect_address), *self._topic_faults(), *self._position_faults()]
        if self.cloudevents and self.metadata:
            faults.append(Fault("metadata", "goes not together with cloudevents"))
        logins = list(self._login_faults())
        if faults or logins:
            raise Invalid(faults + logins, "FSS.0400" if faults else _NO_LOGIN)

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.kafka_connect_address.split(",")]

    @property
    def protocol(self) -> str:
        """Kafka's name of how the connection is protected."""
        if self.kafka_user:
            return "SASL_SSL" if self.kafka_ssl_enable else "SASL_PLAINTEXT"
        return "SSL" if self.kafka_ssl_enable else "PLAINTEXT"

    def _topic_faults(self) -> Iterator[Fault]:
        for topic in self.topic_ids:
            if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
                yield Fault("topic_ids", f"{topic[:80]!r} is not a topic name: 1-249 letters, digits, '.', '_' or '-'")
        if len(set(self.topic_ids)) != len(self.topic_ids):
            yield Fault("topic_ids", "a topic is named twice")

    def _position_faults(self) -> Iterator[Fault]:
        if (self.start_position == "timestamp") != bool(self.start_timestamp):
            yield Fault("start_timestamp", "goes together with start_position timestamp")

    def _login_faults(self) -> Iterator[Fault]:
        if bool(self.kafka_user) != bool(self.kafka_password):
            yield Fault("kafka_password", "kafka_user and kafka_password go together")
        yield from tls_faults("kafka_ssl_enable", self.kafka_ssl_enable, self.tls_ca, self.tls_certificate, self.tls_key)
        if self.kafka_ssl_enable and not (self.kafka_user or self.tls_ca or self.tls_certificate):
            yield Fault("kafka_user", "mandatory with kafka_ssl_enable, unless tls_ca or tls_certificate is given")
