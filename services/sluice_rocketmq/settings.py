"""The settings of a RocketMQ trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.addresses import address_faults, addresses
from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings
from sluice.tls import tls_faults

_TOPIC = re.compile(r"[%A-Za-z0-9_-]{1,127}")
_GROUP = re.compile(r"[%A-Za-z0-9_-]{1,255}")


class RocketSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of ROCKETMQ. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once,
    and every fault is named (Invalid)."""

    hidden = frozenset({"secret_key", "tls_key"})

    endpoints: str
    """gRPC proxies to begin with: `host:port`, separated by commas."""
    topic: str = ""
    """The topic, where it is one."""
    topic_ids: list[str] = msgspec.field(default_factory=list)
    """The topics, where they are several."""
    instance_id: str = ""
    """Copied into the event; FunctionGraph's name of the RocketMQ instance."""
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Largest number of messages in one event."""
    enable_acl: bool = False
    access_key: str = ""
    secret_key: str = ""

    consumer_group: str = ""
    """"": `sluice-<trigger id>`."""
    namespace: Annotated[str, Meta(max_length=255)] = ""
    """Of topics and group, where the server has several."""
    filter_type: Literal["TAG", "SQL92"] = "TAG"
    filter_expression: Annotated[str, Meta(min_length=1, max_length=4096)] = "*"
    """What the server gives out: tags, as in `a || b`, or a condition on properties."""
    prefetch: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Most messages of one topic at one broker that are here and not yet accepted, but never fewer than two batches."""
    invisible_s: Annotated[int, Meta(ge=10, le=12 * 3600)] = 30
    """How long the server keeps a message from others before it gives it out again (s); prolonged for as long as the mesh is full."""
    deduplicate: bool = True
    """Whether messages with the same id are the same message."""
    metadata: bool = False
    """Whether events carry id, tag, keys, message group, properties and attempt of each message."""
    ssl_enable: bool = False
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the system's authorities."""
    tls_certificate: str = ""
    """Our own certificate for mutual TLS: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""

    def __post_init__(self) -> None:
        tls = tls_faults("ssl_enable", self.ssl_enable, self.tls_ca, self.tls_certificate, self.tls_key)
        faults = [*address_faults("endpoints", self.endpoints), *self._topic_faults(), *self._key_faults(), *tls]
        if faults:
            raise Invalid(faults)

    @property
    def topics(self) -> list[str]:
        return self.topic_ids or [self.topic]

    @property
    def window(self) -> int:
        """How many messages of one topic at one broker are held at once."""
        return max(self.prefetch, 2 * self.batch_size if self.batch_size > 1 else 1)

    @property
    def servers(self) -> list[tuple[str, int]]:
        """Host and port of each proxy, as written but for spaces."""
        return addresses(self.endpoints)

    def _topic_faults(self) -> Iterator[Fault]:
        if bool(self.topic) == bool(self.topic_ids):
            yield Fault("topic", "either topic or topic_ids names what to read")
        for field, names in (("topic", [self.topic] if self.topic else []), ("topic_ids", self.topic_ids)):
            for name in names:
                if not _TOPIC.fullmatch(name):
                    yield Fault(field, f"{name[:80]!r} is not a topic name: 1-127 letters, digits, '_', '-' or '%'")
        if len(set(self.topic_ids)) != len(self.topic_ids):
            yield Fault("topic_ids", "a topic is named twice")
        if self.consumer_group and not _GROUP.fullmatch(self.consumer_group):
            yield Fault("consumer_group", "holds 1-255 letters, digits, '_', '-' or '%'")

    def _key_faults(self) -> Iterator[Fault]:
        for field in ("access_key", "secret_key"):
            value = getattr(self, field)
            if self.enable_acl and not value:
                yield Fault(field, "is mandatory with enable_acl")
            if value and not self.enable_acl:
                yield Fault("enable_acl", f"must be true when {field} is given")
            if not (value.isascii() and value.isprintable()):
                yield Fault(field, "holds printable ASCII characters")
