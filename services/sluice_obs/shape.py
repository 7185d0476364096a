"""From what a store told to the event of FunctionGraph's OBS trigger. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from sluice.binding import Binding
from sluice.event import Record
from sluice_obs.keys import written
from sluice_obs.notification import Identity, Requested, Responded, Told
from sluice_obs.selection import PREFIX

SOURCE = "aws:s3"
UNVERSIONED = "null"


class _Owner(Struct, frozen=True):
    name: str = field(name="PrincipalId")


class _User(Struct, frozen=True):
    name: str = field(name="principalId")


class _Requested(Struct, frozen=True):
    source_address: str = field(name="sourceIPAddress")


class _Responded(Struct, frozen=True):
    request: str = field(name="x-amz-request-id")
    extended: str = field(name="x-amz-id-2")


class _Bucket(Struct, frozen=True):
    name: str
    owner: _Owner = field(name="ownerIdentity")
    arn: str


class _Thing(Struct, frozen=True):
    key: str
    etag: str | UnsetType = field(name="eTag")
    size: int | UnsetType
    version: str = field(name="versionId")
    sequencer: str


class _S3(Struct, frozen=True, kw_only=True):
    schema: str = field(name="s3SchemaVersion", default="1.0")
    configuration: str = field(name="configurationId")
    bucket: _Bucket
    thing: _Thing = field(name="object")


class _Element(Struct, frozen=True, kw_only=True):
    """One of the event's Records; fields stand in FunctionGraph's order."""

    version: str = field(name="eventVersion", default="2.0")
    source: str = field(name="eventSource", default=SOURCE)
    region: str = field(name="awsRegion")
    time: str = field(name="eventTime")
    event: str = field(name="eventName")
    user: _User = field(name="userIdentity")
    requested: _Requested = field(name="requestParameters")
    responded: _Responded = field(name="responseElements")
    s3: _S3


_NOBODY, _NOWHERE, _UNNAMED = Identity(), Requested(), Responded()
_encode = msgspec.json.Encoder().encode


def element(told: Told, key: bytes, *, region: str, configuration: str) -> bytes:
    """The event's record of what a store told: JSON text. `region` is there for a store that has none."""
    bucket, thing = told.s3.bucket, told.s3.thing
    responded = told.responded or _UNNAMED
    return _encode(
        _Element(
            region=told.region or region,
            time=told.time or "",
            event=told.event.removeprefix(PREFIX),
            user=_User((told.user or _NOBODY).name),
            requested=_Requested((told.requested or _NOWHERE).source_address or ""),
            responded=_Responded(responded.request or "", responded.extended or ""),
            s3=_S3(
                configuration=configuration,
                bucket=_Bucket(bucket.name, _Owner((bucket.owner or _NOBODY).name), bucket.arn or f"arn:aws:s3:::{bucket.name}"),
                thing=_Thing(
                    written(key),
                    UNSET if thing.etag is None else thing.etag,
                    UNSET if thing.size is None else thing.size,
                    thing.version or UNVERSIONED,
                    thing.sequencer or "",
                ),
            ),
        )
    )


def shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    """The event of one batch. A record's value is its element already, so that filters see what the function gets."""
    return b'{"Records":[' + b",".join(record.value or b"{}" for record in records) + b"]}"
