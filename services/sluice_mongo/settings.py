"""The settings of a MongoDB trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.addresses import address_faults
from sluice.errors import Fault, Invalid
from sluice.source_settings import SourceSettings
from sluice.tls import tls_faults

_FORBIDDEN = frozenset({"admin", "local", "config"})
_DATABASE = re.compile(r'[^/\\. "$*<>:|?\x00]+')
_LONGEST_DATABASE = 63
_LONGEST_NAMESPACE = 255
_CONNECTION = re.compile(r"mongodb(?:\+srv)?://([^/?]+)(?:/[^?]*)?(?:\?.*)?")

Operation = Literal["insert", "update", "replace", "delete", "drop", "rename", "dropDatabase", "invalidate"]


class MongoSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of DDS and GAUSSMONGO. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked
    at once, and every fault is named (Invalid)."""

    hidden = frozenset({"db_password", "tls_key"})

    db_name: str
    collection_name: str = ""
    """The collection whose changes are wanted. "": every collection of the database."""
    db_user: str = "rwuser"
    db_password: str = ""
    """"": log in as nobody."""
    instance_addrs: list[str] = msgspec.field(default_factory=list)
    """Servers to begin with, each `host:port`; the others of the replica set are found through them."""
    instance_id: str = ""
    """Copied into the event; FunctionGraph's name of the database instance."""
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """Largest number of changes in one event."""

    connection_string: str = ""
    """`mongodb://…` or `mongodb+srv://…` without a login, instead of `instance_addrs`; its options are the driver's own."""
    replica_set: str = ""
    """Name of the replica set, which has to be the one that is met. "": whichever is."""
    auth_source: str = "admin"
    """The database that knows the user."""
    ssl_enable: bool = False
    tls_ca: str = ""
    """Whom to trust: a path or PEM text. "": the system's authorities."""
    tls_certificate: str = ""
    """Our own certificate for mutual TLS: a path or PEM text."""
    tls_key: str = ""
    """Its key: a path or PEM text."""
    operations: Annotated[list[Operation], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["insert", "update", "replace", "delete"]
    )
    """What the function is called for. Chosen here and not at the server: a token stays good when this changes."""
    full_document: Literal["default", "updateLookup", "whenAvailable", "required"] = "updateLookup"
    """Whether the document comes with an update: as it is when the change is read, or as it was right after the change."""
    full_document_before_change: Literal["off", "whenAvailable", "required"] = "off"
    """Whether the document comes as it was before the change; shown with `metadata`."""
    start_position: Literal["latest", "timestamp", "snapshot"] = "latest"
    """Where the first start begins; `snapshot` reads what is there, then what changes."""
    start_timestamp: Annotated[int, Meta(ge=0)] = 0
    """Milliseconds since the epoch, for `start_position: timestamp`."""
    position_lost: Literal["stop", "start_after", "start_at_time", "snapshot"] = "stop"
    """What to do when the stream ends for good, or its log no longer holds the position."""
    oplog_alarm_s: Annotated[int, Meta(ge=0)] = 3600
    """Warn when the server's log holds less than this behind the position. 0: never."""
    metadata: bool = False
    """Whether events carry key, times and update description of each change."""

    def __post_init__(self) -> None:
        faults = [*self._namespace_faults(), *self._address_faults(), *self._other_faults()]
        if faults:
            raise Invalid(faults)

    @property
    def namespace(self) -> str:
        """What is read: `database.collection`, or `database`."""
        return f"{self.db_name}.{self.collection_name}" if self.collection_name else self.db_name

    @property
    def servers(self) -> str:
        """Where to begin, as it is written."""
        found = _CONNECTION.fullmatch(self.connection_string)
        return found[1] if found else ",".join(self.instance_addrs)

    def _namespace_faults(self) -> Iterator[Fault]:
        if self.db_name in _FORBIDDEN:
            yield Fault("db_name", f"may not be {self.db_name}")
        elif not _DATABASE.fullmatch(self.db_name) or len(self.db_name.encode()) > _LONGEST_DATABASE:
            yield Fault("db_name", f"{self.db_name[:80]!r} is not the name of a database")
        if self.collection_name and not _is_collection(self.collection_name, _LONGEST_NAMESPACE - len(self.db_name.encode()) - 1):
            yield Fault("collection_name", f"{self.collection_name[:80]!r} is not the name of a collection")

    def _address_faults(self) -> Iterator[Fault]:
        if bool(self.instance_addrs) == bool(self.connection_string):
            yield Fault("instance_addrs", "is mandatory, unless connection_string is given instead of it")
        for address in self.instance_addrs:
            yield from address_faults("instance_addrs", address)
        if self.connection_string:
            found = _CONNECTION.fullmatch(self.connection_string)
            if not found:
                yield Fault("connection_string", "is mongodb://host:port,… or mongodb+srv://host, with options behind a '?'")
            elif "@" in found[1]:
                yield Fault("connection_string", "holds no login: that goes into db_user and db_password")

    def _other_faults(self) -> Iterator[Fault]:
        if (self.start_position == "timestamp") != bool(self.start_timestamp):
            yield Fault("start_timestamp", "goes together with start_position timestamp")
        if self.db_password and not self.db_user:
            yield Fault("db_user", "goes together with db_password")
        yield from tls_faults("ssl_enable", self.ssl_enable, self.tls_ca, self.tls_certificate, self.tls_key)


def _is_collection(name: str, most: int) -> bool:
    return not (name.startswith((".", "system.")) or name.endswith(".") or "$" in name or "\0" in name or len(name.encode()) > most)
