"""What SNS and SMN send to an HTTP address: a JSON object with the message, and a signature over some of its fields. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sluice.errors import SluiceError
from sluice_smn.notice import Notice
from sluice_smn.times import read as read_time

NOTIFICATION, CONFIRMATION, UNSUBSCRIBED = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"

LONGEST_ID = 128


class Unreadable(SluiceError):
    """The sender has to send something else."""


class Dialect(NamedTuple):
    """How one service names the fields."""

    type: str
    id: str
    topic: str
    subject: str
    message: str
    time: str
    subscribe_url: str
    version: str
    signature: str
    certificate_url: str
    attributes: str
    confirms: tuple[str, ...]
    """What the signature of everything but a notification covers, in order."""

    @property
    def notifies(self) -> tuple[str, ...]:
        """What the signature of a notification covers, in order; the subject only where there is one."""
        return tuple(sorted((self.message, self.id, self.subject, self.time, self.topic, self.type)))


SNS = Dialect(
    "Type",
    "MessageId",
    "TopicArn",
    "Subject",
    "Message",
    "Timestamp",
    "SubscribeURL",
    "SignatureVersion",
    "Signature",
    "SigningCertURL",
    "MessageAttributes",
    ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
SMN = Dialect(
    "type",
    "message_id",
    "topic_urn",
    "subject",
    "message",
    "timestamp",
    "subscribe_url",
    "signature_version",
    "signature",
    "signing_cert_url",
    "message_attributes",
    ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
)


class Envelope:
    """One that was read. Every field it was asked for is text; what is not there is ""."""

    def __init__(self, dialect: Dialect, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self.dialect = dialect
        self.type = self._text(dialect.type)
        self.id = self._text(dialect.id)
        self.topic = self._text(dialect.topic)
        self.subject = self._text(dialect.subject)
        self.message = self._text(dialect.message)
        self.time = self._text(dialect.time)
        self.time_ms = _milliseconds(self.time)
        self.subscribe_url = self._text(dialect.subscribe_url)
        self.version = self._text(dialect.version)
        self.signature = self._text(dialect.signature)
        self.certificate_url = self._text(dialect.certificate_url)
        check_id(dialect.id, self.id)

    def signed(self) -> bytes:
        """What the signature is made of: name and value of each field it covers, a line each."""
        names = self.dialect.notifies if self.type == NOTIFICATION else self.dialect.confirms
        lines = [f"{name}\n{self._text(name)}\n" for name in names if name != self.dialect.subject or self.subject]
        return "".join(lines).encode()

    def notice(self) -> Notice:
        return Notice(
            id=self.id,
            message=self.message.encode(),
            time_ms=self.time_ms,
            time=self.time,
            subject=self.subject,
            attributes=attributes_text(self._fields.get(self.dialect.attributes)),
        )

    def _text(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Unreadable(f"{name} is not a string")
        return value


def read(body: bytes) -> Envelope:
    """Raises Unreadable."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Unreadable("the body is not a JSON object")
    return Envelope(SNS if SNS.type in fields else SMN, fields)


def check_id(name: str, identifier: str) -> None:
    """Raises Unreadable for what cannot name a message."""
    if not identifier or len(identifier) > LONGEST_ID:
        raise Unreadable(f"{name} has 1-{LONGEST_ID} characters")


def attributes_text(given: Any) -> str:
    """Attributes of a message as JSON text of an object of names and values, "" for none. `given` is SNS's object of types and values,
    or SMN's list."""
    match given:
        case dict():
            told = {str(name): _value(one) for name, one in given.items()}
        case list():
            told = {str(one.get("name", "")): one.get("value") for one in given if isinstance(one, dict)}
        case _:
            told = {}
    return msgspec.json.encode(told).decode() if told else ""


def _value(one: Any) -> Any:
    """What an attribute of SNS holds: its text, or the list that the text of a String.Array is."""
    if not isinstance(one, dict):
        return one
    value = one.get("Value", one.get("value"))
    if one.get("Type", one.get("type")) != "String.Array" or not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def _milliseconds(text: str) -> int:
    try:
        return read_time(text)
    except ValueError:
        raise Unreadable(f"{text[:40]!r} is not a timestamp") from None
