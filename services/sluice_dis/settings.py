"""The settings of a DIS trigger: FunctionGraph's names, and ours beside them."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings

LONGEST_INTERVAL_S = 3600.0

StreamName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]


class DisSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of DIS. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once, and
    every fault is named (Invalid)."""

    hidden = frozenset({"secret_key"})

    stream_name: StreamName
    sharditerator_type: Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]
    """Where the first start begins. Shards that appear later are read from their beginning."""
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """Largest number of records in one event."""
    max_fetch_bytes: Annotated[int, Meta(ge=1024, le=4 * 1024 * 1024)] = 1024 * 1024
    """Aim of one fetch, and most bytes handed over at once; a larger record still comes, alone."""
    polling_interval: Annotated[int, Meta(ge=1)] = 1
    """How long to wait before a shard that was read up to now is looked at again."""
    polling_unit: Literal["s", "ms"] = "s"
    is_serial: bool | Literal["true", "false"] = False
    """Whether the next fetch of a shard waits until the one before is accepted."""

    endpoint: str
    """URL of the service: `https://kinesis.eu-west-1.amazonaws.com`."""
    region: Annotated[str, Meta(min_length=1)] = "us-east-1"
    """Which the requests are signed for."""
    access_key: Annotated[str, Meta(min_length=1)]
    secret_key: Annotated[str, Meta(min_length=1)]
    start_timestamp: Annotated[int, Meta(ge=0)] = 0
    """Milliseconds since the epoch, for `sharditerator_type: AT_TIMESTAMP`."""
    position_lost: Literal["stop", "earliest", "latest"] = "stop"
    """What to do when the stream no longer holds the position."""
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the usual authorities."""

    def __post_init__(self) -> None:
        faults = [*self._endpoint_faults(), *self._time_faults()]
        if faults:
            raise Invalid(faults)

    @property
    def interval_s(self) -> float:
        return self.polling_interval / (1000 if self.polling_unit == "ms" else 1)

    @property
    def serial(self) -> bool:
        """FunctionGraph writes it as a text when it creates a trigger, and as a truth value when it changes one."""
        return self.is_serial in (True, "true")

    def _endpoint_faults(self) -> Iterator[Fault]:
        try:
            url = urlsplit(self.endpoint)
            is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and not url.query
        except ValueError:
            is_url = False
        if not is_url:
            yield Fault("endpoint", f"{self.endpoint[:80]!r} is not http://host:port or https://host")
        elif self.tls_ca and url.scheme != "https":
            yield Fault("tls_ca", "goes together with an https endpoint")

    def _time_faults(self) -> Iterator[Fault]:
        if self.interval_s > LONGEST_INTERVAL_S:
            yield Fault("polling_interval", "is at most an hour")
        if (self.sharditerator_type == "AT_TIMESTAMP") != bool(self.start_timestamp):
            yield Fault("start_timestamp", "goes together with sharditerator_type AT_TIMESTAMP")
