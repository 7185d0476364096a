"""What stores send: S3 notifications, as several stores write them, bare or in an envelope of SNS. Pure."""

import msgspec
from msgspec import Struct

TEST_EVENT = "s3:TestEvent"


class NotANotification(Exception):
    """The text says nothing of objects in a bucket."""


class Identity(Struct, frozen=True):
    """Stores write one or the other."""

    principal: str | None = msgspec.field(name="principalId", default=None)
    owner: str | None = msgspec.field(name="PrincipalId", default=None)

    @property
    def name(self) -> str:
        return self.principal or self.owner or ""


class Requested(Struct, frozen=True):
    source_address: str | None = msgspec.field(name="sourceIPAddress", default=None)


class Responded(Struct, frozen=True):
    request: str | None = msgspec.field(name="x-amz-request-id", default=None)
    extended: str | None = msgspec.field(name="x-amz-id-2", default=None)


class Bucket(Struct, frozen=True):
    name: str
    owner: Identity | None = msgspec.field(name="ownerIdentity", default=None)
    arn: str | None = None


class Thing(Struct, frozen=True):
    """The object. What a store does not know it leaves out."""

    key: str
    etag: str | None = msgspec.field(name="eTag", default=None)
    size: int | None = None
    version: str | None = msgspec.field(name="versionId", default=None)
    sequencer: str | None = None


class Store(Struct, frozen=True):
    bucket: Bucket
    thing: Thing = msgspec.field(name="object")


class Told(Struct, frozen=True):
    """One thing that happened to one object, in the store's words."""

    event: str = msgspec.field(name="eventName")
    s3: Store
    source: str | None = msgspec.field(name="eventSource", default=None)
    region: str | None = msgspec.field(name="awsRegion", default=None)
    time: str | None = msgspec.field(name="eventTime", default=None)
    user: Identity | None = msgspec.field(name="userIdentity", default=None)
    requested: Requested | None = msgspec.field(name="requestParameters", default=None)
    responded: Responded | None = msgspec.field(name="responseElements", default=None)


class _Whole(Struct, frozen=True):
    records: list[Told] | None = msgspec.field(name="Records", default=None)
    test: str | None = msgspec.field(name="Event", default=None)
    envelope: str | None = msgspec.field(name="Type", default=None)
    message: str | None = msgspec.field(name="Message", default=None)


_decode = msgspec.json.Decoder(_Whole).decode


def parse(text: bytes | str) -> list[Told]:
    """What one message or request tells; a test event tells nothing. Raises NotANotification, with what is wrong."""
    whole = _whole(text)
    if whole.records is None and whole.envelope == "Notification" and whole.message is not None:
        whole = _whole(whole.message)
    if whole.records is not None:
        return whole.records
    if whole.test == TEST_EVENT:
        return []
    raise NotANotification(f"it is an SNS {whole.envelope[:40]}" if whole.envelope else "it has no Records")


def _whole(text: bytes | str) -> _Whole:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise NotANotification(f"it is no S3 notification: {error}"[:300]) from None
    except RecursionError:
        raise NotANotification("it is nested too deeply") from None
