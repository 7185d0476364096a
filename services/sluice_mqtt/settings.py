"""The settings of an MQTT trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.addresses import address_faults, addresses
from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings
from sluice.tls import tls_faults
from sluice_mqtt.topics import filter_fault, template_fault

_GROUP = re.compile(r"[^/+#\0]{0,255}")

Text = Annotated[str, Meta(max_length=255)]


class TopicMeaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the messages of some topics are."""

    topic: str
    """A filter in which `{device_id}`, `{product_id}`, `{node_id}` and `{gateway_id}` name levels."""
    resource: Text = "device.message"
    event: Text = "report"


class MqttSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of IOTDA. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once,
    and every fault is named (Invalid)."""

    hidden = frozenset({"access_password", "tls_key"})

    connect_address: str
    """Servers to try in turn: `host:port`, separated by commas."""
    topics: Annotated[list[str], Meta(min_length=1, max_length=100)]
    """Topic filters to subscribe to."""
    access_user: str = ""
    access_password: str = ""
    ssl_enable: bool = False
    instance_id: str = ""
    """FunctionGraph's name of the IoTDA instance; kept, and without a meaning here."""
    app_id: str = ""
    """The resource space; copied into the event."""
    resource: Text = "device.message"
    event: Text = "report"
    """What a message is that no template knows."""
    topic_map: list[TopicMeaning] = msgspec.field(default_factory=list)
    """What the messages of some topics are; the first that fits counts, and all come before IoTDA's own topics."""

    protocol: Literal["5", "3.1.1"] = "5"
    qos: Literal[0, 1, 2] = 1
    """Best quality of service that is asked for."""
    retained: Literal["deliver", "ignore"] = "deliver"
    """What becomes of messages that the server kept from before the first subscription."""
    client_id: Text = ""
    """Name of the session. "": `sluice-<trigger id>`."""
    replicas: Annotated[int, Meta(ge=1, le=32)] = 1
    """How many sessions share the subscription; each is read by one process of the service."""
    share_group: Text = ""
    """Name of a shared subscription. "": none for one replica, the client id for more."""
    session_expiry_s: Annotated[int, Meta(ge=0, le=4_294_967_295)] = 7 * 86_400
    """How long the server keeps the session while nobody reads it (s); 0 begins a new one each time."""
    prefetch: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Most messages of one session that are here and not yet acknowledged."""
    keep_alive_s: Annotated[int, Meta(ge=2, le=3600)] = 30
    """A connection that is silent for one and a half of this is lost (s)."""
    id_property: Text = ""
    """MQTT 5: the user property that names a message; messages of the same name are the same. "": none does."""
    metadata: bool = False
    """Whether events carry topic, quality of service, flags and properties too."""
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the system's authorities."""
    tls_certificate: str = ""
    """Our own certificate for mutual TLS: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""

    def __post_init__(self) -> None:
        tls = tls_faults("ssl_enable", self.ssl_enable, self.tls_ca, self.tls_certificate, self.tls_key)
        faults = [*address_faults("connect_address", self.connect_address), *self._topic_faults(), *self._session_faults(), *tls]
        if faults:
            raise Invalid(faults)

    @property
    def servers(self) -> list[tuple[str, int]]:
        """Host and port of each server, as written but for spaces."""
        return addresses(self.connect_address)

    def sessions(self, trigger: str) -> list[str]:
        """The client id of each session; the same for the same trigger, always."""
        name = self.client_id or f"sluice-{trigger}"
        return [name] if self.replicas == 1 else [f"{name}-{number}" for number in range(self.replicas)]

    def filters(self, trigger: str) -> list[str]:
        """What to subscribe to."""
        group = self.share_group or (self.client_id or f"sluice-{trigger}" if self.replicas > 1 else "")
        return [f"$share/{group}/{topic}" for topic in self.topics] if group else self.topics

    def _topic_faults(self) -> Iterator[Fault]:
        for topic in self.topics:
            if fault := filter_fault(topic):
                yield Fault("topics", f"{topic[:80]!r}: {fault}")
        for number, meaning in enumerate(self.topic_map):
            if fault := template_fault(meaning.topic):
                yield Fault(f"topic_map[{number}].topic", f"{meaning.topic[:80]!r}: {fault}")

    def _session_faults(self) -> Iterator[Fault]:
        for field in ("share_group", "client_id"):
            if not _GROUP.fullmatch(getattr(self, field)):
                yield Fault(field, "holds no /, + or #")
        if self.access_password and not self.access_user:
            yield Fault("access_user", "is mandatory with access_password")
        if self.id_property and self.protocol != "5":
            yield Fault("id_property", "needs protocol 5: messages of 3.1.1 have no properties")
