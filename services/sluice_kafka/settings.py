"""The settings of a Kafka trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_NO_LOGIN = "FSS.1113"
_SECRET = frozenset({"kafka_password", "tls_key"})

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`event_data` of KAFKA and OPENSOURCEKAFKA. Decoding refuses unknown keys and wrong types by name; what the fields mean together is
    checked at once, and every fault is named (Invalid)."""

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
    max_fetch_bytes: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    """Most bytes fetched from one partition at once; a larger record still comes, alone."""

    def __post_init__(self) -> None:
        faults = [*self._address_faults(), *self._topic_faults(), *self._position_faults()]
        logins = list(self._login_faults())
        if faults or logins:
            raise Invalid(faults + logins, "FSS.0400" if faults else _NO_LOGIN)

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """What may be shown: everything but the secrets."""
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, "***" if name in _SECRET and value else value) for name, value in values]

    def __repr__(self) -> str:
        return f"KafkaSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.kafka_connect_address.split(",")]

    @property
    def protocol(self) -> str:
        """Kafka's name of how the connection is protected."""
        if self.kafka_user:
            return "SASL_SSL" if self.kafka_ssl_enable else "SASL_PLAINTEXT"
        return "SSL" if self.kafka_ssl_enable else "PLAINTEXT"

    def _address_faults(self) -> Iterator[Fault]:
        for server in self.servers:
            found = _SERVER.fullmatch(server)
            if not found or not 0 < int(found[2]) < 65536:
                yield Fault("kafka_connect_address", f"{server[:80]!r} is not host:port")

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
        if bool(self.tls_certificate) != bool(self.tls_key):
            yield Fault("tls_key", "tls_certificate and tls_key go together")
        if not self.kafka_ssl_enable and (self.tls_ca or self.tls_certificate):
            yield Fault("kafka_ssl_enable", "must be true when tls_ca or tls_certificate is given")
        if self.kafka_ssl_enable and not (self.kafka_user or self.tls_ca or self.tls_certificate):
            yield Fault("kafka_user", "mandatory with kafka_ssl_enable, unless tls_ca or tls_certificate is given")
