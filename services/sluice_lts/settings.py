"""The settings of an LTS trigger: FunctionGraph's names, and ours beside them."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.addresses import address_faults, addresses
from sluice.errors import Fault, Invalid
from sluice.pushed import PushedSettings

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=255)]
Address = Annotated[str, Meta(max_length=255)]

LISTENS = ("otlp_listen", "syslog_udp", "syslog_tcp", "syslog_tls")


class LtsSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of LTS. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once, and
    every fault is named (Invalid)."""

    hidden = frozenset({"push_token", "tls_key"})

    log_group_id: Id
    log_topic_id: Id
    """Of the log group and the log stream; copied into events, and together the topic that logs are published to."""
    log_group_name: Name = ""
    log_topic_name: Name = ""
    """Kept, and without a meaning here."""

    owner: Name = ""
    """Copied into events. "": the project."""
    metadata: bool = False
    """Whether events carry severity, attributes and resource of each log too."""
    deduplicate: bool = True
    """Whether a request that is sent again is the same logs; only of logs that bring their time."""
    files: Annotated[list[str], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """Files to follow on the machine of the trigger's service: absolute paths below its `readable_logs`."""
    start_position: Literal["latest", "earliest"] = "latest"
    """Where a file is begun that was never read."""
    position_lost: Literal["stop", "earliest", "latest"] = "stop"
    """What to do when the file that was read is gone."""
    otlp_listen: Address = ""
    """HOST:PORT for OTLP over gRPC. "": nowhere."""
    syslog_udp: Address = ""
    syslog_tcp: Address = ""
    syslog_tls: Address = ""
    """HOST:PORT for syslog. "": nowhere."""
    syslog_networks: Annotated[list[str], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """From where syslog is taken without TLS beyond this machine, as 192.0.2.0/24."""
    tls_certificate: str = ""
    """Our certificate for those who connect to us: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""
    tls_client_ca: str = ""
    """Who connects by TLS shows a certificate of this authority: a path or PEM text. "": none."""

    def __post_init__(self) -> None:
        faults = [*self._topic_faults(), *self._file_faults(), *self._listen_faults(), *self._tls_faults()]
        if faults:
            raise Invalid(faults)

    @property
    def topic(self) -> str:
        return f"{self.log_group_id}/{self.log_topic_id}"

    def _topic_faults(self) -> Iterator[Fault]:
        for field in ("log_group_id", "log_topic_id"):
            if "/" in getattr(self, field):
                yield Fault(field, "holds no /")

    def _file_faults(self) -> Iterator[Fault]:
        for path in self.files:
            if not Path(path).is_absolute() or "\0" in path:
                yield Fault("files", f"{path[:80]!r} is not an absolute path")
        if len(set(self.files)) != len(self.files):
            yield Fault("files", "a file is named twice")

    def _listen_faults(self) -> Iterator[Fault]:
        for field in LISTENS:
            if listen := getattr(self, field):
                yield from address_faults(field, listen)
                if "," in listen:
                    yield Fault(field, "is one address")
        for network in self.syslog_networks:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                yield Fault("syslog_networks", f"{network[:80]!r} is no network such as 192.0.2.0/24")
        for field in ("syslog_udp", "syslog_tcp"):
            if is_open(getattr(self, field)) and not self.syslog_networks:
                yield Fault("syslog_networks", f"is mandatory when {field} is not on loopback")

    def _tls_faults(self) -> Iterator[Fault]:
        if bool(self.tls_certificate) != bool(self.tls_key):
            yield Fault("tls_key", "tls_certificate and tls_key go together")
        if self.syslog_tls and not self.tls_certificate:
            yield Fault("tls_certificate", "is mandatory with syslog_tls")
        if is_open(self.syslog_tls) and not self.tls_client_ca:
            yield Fault("tls_client_ca", "is mandatory when syslog_tls is not on loopback")
        if self.tls_client_ca and not self.tls_certificate:
            yield Fault("tls_certificate", "is mandatory with tls_client_ca")
        if is_open(self.otlp_listen) and not (self.tls_certificate and (self.push_token or self.tls_client_ca)):
            yield Fault("tls_certificate", "is mandatory, with push_token or tls_client_ca, when otlp_listen is not on loopback")


def is_open(listen: str) -> bool:
    """Whether others than this machine can reach the address."""
    try:
        found = addresses(listen) if listen else []
    except ValueError:
        return False
    return any(not _is_loopback(host) for host, _ in found)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
