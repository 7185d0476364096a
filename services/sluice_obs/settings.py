"""The settings of an OBS trigger: FunctionGraph's names, and ours beside them."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.pushed import PushedSettings
from sluice_obs.selection import Selection, canonical, event_faults

BATCH = 10
"""Messages that a queue gives or forgets at once."""

Affix = Annotated[str, Meta(max_length=1024)]


class ObsSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of OBS. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once, and
    every fault is named (Invalid)."""

    hidden = PushedSettings.hidden | {"secret_key"}

    bucket: Annotated[str, Meta(min_length=1, max_length=64)]
    """The bucket whose notifications are wanted, and the topic under which they may be published. It stays as it is."""
    events: list[str]
    """What is to have happened to an object: `s3:ObjectCreated:*`, its members, and those of `s3:ObjectRemoved:*`."""
    prefix: Affix = ""
    """How a key begins."""
    suffix: Affix = ""
    """How it ends."""
    name: Annotated[str, Meta(max_length=255)] = ""
    """Of the notification, told as configurationId. "": the trigger's id."""
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Largest number of records in one event."""

    key_encoding: Literal["auto", "url", "raw"] = "auto"
    """How the store writes keys. `auto`: raw if it says that it is Ceph, or if the key cannot be URL-encoded; else URL-encoded."""
    queue_url: str = ""
    """An SQS-compatible queue that the bucket notifies. "": notifications are pushed."""
    endpoint: str = ""
    """Where the queue is asked. "": where `queue_url` says."""
    region: Annotated[str, Meta(min_length=1, max_length=64)] = "us-east-1"
    """What requests are signed for."""
    access_key: str = ""
    secret_key: str = ""
    prefetch: Annotated[int, Meta(ge=1, le=1000)] = 100
    """No more messages are taken while so many records are here and not yet accepted, but never fewer than two batches."""
    visibility_timeout: Annotated[int, Meta(ge=5, le=43_200)] = 60
    """Seconds for which a message that is here stays hidden at the queue; renewed until it is accepted."""
    configure: bool = False
    """Write the notification into the bucket's configuration, beside those that are there."""
    target_arn: str = ""
    """What the bucket is to notify, with `configure`. "": the queue."""
    bucket_endpoint: str = ""
    """Where the bucket is, with `configure`. "": where the queue is asked."""
    tls_ca: str = ""
    """Whom to trust behind https addresses: a path or PEM text. "": the usual authorities."""

    def __post_init__(self) -> None:
        faults = [*event_faults(self.events), *self._queue_faults(), *self._configure_faults()]
        if faults:
            raise Invalid(faults)

    @property
    def selection(self) -> Selection:
        return Selection(frozenset(map(canonical, self.events)), self.prefix.encode(), self.suffix.encode())

    @property
    def queue_endpoint(self) -> str:
        address = urlsplit(self.queue_url)
        return self.endpoint or f"{address.scheme}://{address.netloc}"

    @property
    def store_endpoint(self) -> str:
        return self.bucket_endpoint or self.queue_endpoint

    @property
    def window(self) -> int:
        """While so many records are here no more messages are taken."""
        return max(self.prefetch, 2 * self.batch_size if self.batch_size > 1 else 1)

    def _queue_faults(self) -> Iterator[Fault]:
        for field in ("queue_url", "endpoint", "bucket_endpoint"):
            value = getattr(self, field)
            if value and not _is_address(value):
                yield Fault(field, f"{value[:80]!r} does not begin with http:// or https:// and a host")
        if self.endpoint and not self.queue_url:
            yield Fault("endpoint", "is where the queue is asked, and there is no queue_url")
        if self.queue_url and self.push_token:
            yield Fault("push_token", "is for notifications that are pushed; with queue_url they are read from the queue")
        if self.queue_url or self.configure:
            for field in ("access_key", "secret_key"):
                if not getattr(self, field):
                    yield Fault(field, "is mandatory with queue_url or configure")

    def _configure_faults(self) -> Iterator[Fault]:
        if self.configure and not self.queue_url:
            if not self.target_arn:
                yield Fault("target_arn", "is mandatory with configure where there is no queue_url")
            if not self.bucket_endpoint:
                yield Fault("bucket_endpoint", "is mandatory with configure where there is no queue_url")
        if self.target_arn and self.target_arn.count(":") < 5:
            yield Fault("target_arn", f"{self.target_arn[:80]!r} is not arn:partition:service:region:account:resource")


def _is_address(text: str) -> bool:
    try:
        address = urlsplit(text)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False
