"""The settings of an SMN trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.pushed import PushedSettings
from sluice_smn.hosts import endpoint_faults, host_faults

_SMN = re.compile(r"urn:smn:([A-Za-z0-9_-]+):([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)", re.ASCII)
_SNS = re.compile(r"arn:(aws(?:-[a-z-]+)?):sns:([a-z0-9-]+):([0-9A-Za-z_-]+):([A-Za-z0-9_.-]+)", re.ASCII)


class SmnSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of SMN. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once, and
    every fault is named (Invalid)."""

    topic_urn: Annotated[str, Meta(min_length=1, max_length=255)]
    """The topic: `urn:smn:<region>:<project>:<topic>`, or the ARN of one of SNS."""
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Largest number of messages in one event."""

    certificate_hosts: Annotated[list[str], Meta(max_length=20)] = msgspec.field(default_factory=list)
    """Hosts whose certificates are believed, and that a subscription may be confirmed at: `host` or `host:port`; with `http://` one of this
    machine. Empty: the one of the topic's region."""
    endpoint_url: Annotated[str, Meta(max_length=255)] = ""
    """Where these hosts are reached instead, for a service that writes the names of Amazon's into its messages and is somewhere else."""
    tls_ca: str = ""
    """Whom to trust at these hosts: a path or PEM text. "": the system's authorities."""
    verify_signature: bool = True
    """Whether messages are signed. Without signatures whoever shows the push_token is believed."""
    raw_delivery: bool = False
    """Whether messages may come without an envelope, and so without a signature: whoever shows the push_token is believed then."""
    max_age_s: Annotated[int, Meta(ge=60, le=86_400)] = 600
    """How old a signed message may be (s). Up to ten minutes, nobody can send it again as another one."""
    outer_fields: bool = False
    """Whether events have `functionname`, `requestId` and `timestamp` beside `record`."""

    def __post_init__(self) -> None:
        hosts = host_faults("certificate_hosts", self.certificate_hosts)
        if faults := [*self._topic_faults(), *hosts, *endpoint_faults("endpoint_url", self.endpoint_url)]:
            raise Invalid(faults, "FSS.1102")

    @property
    def hosts(self) -> list[str]:
        """Those that are named, else the one of the topic's region."""
        if self.certificate_hosts:
            return self.certificate_hosts
        if found := _SNS.fullmatch(self.topic_urn):
            return [f"sns.{found[2]}.amazonaws.com{'.cn' if found[1] == 'aws-cn' else ''}"]
        return [f"smn.{self.topic_urn.split(':')[2]}.myhuaweicloud.com"]

    def _topic_faults(self) -> Iterator[Fault]:
        if not _SMN.fullmatch(self.topic_urn) and not _SNS.fullmatch(self.topic_urn):
            yield Fault("topic_urn", "is urn:smn:<region>:<project>:<topic>, or arn:aws:sns:<region>:<account>:<topic>")
