"""What is published to a topic that needs no broker: the body of SMN's publish operation. Pure."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sluice_smn.envelope import Unreadable, attributes_text
from sluice_smn.notice import Notice

MOST_BYTES = 256 * 1024
"""Largest message, in UTF-8."""
PROTOCOLS = ("functiongraph", "functionstage", "default")
"""Which of the texts of a message_structure is for a function: the first that is there."""


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    type: Literal["STRING", "STRING_ARRAY", "PROTOCOL"] = "STRING"
    value: str | list[str]


class Publication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SMN's names, and `message_id` beside them."""

    subject: Annotated[str, Meta(max_length=512)] | None = None
    message: str | None = None
    message_structure: str | None = None
    """JSON text of an object with a text for each protocol; it is taken before `message`."""
    message_template_name: str | None = None
    tags: dict[str, str] | None = None
    time_to_live: str | int | None = None
    """Means nothing here: the message is with its functions when the answer comes."""
    message_attributes: list[Attribute] | None = None
    message_id: Annotated[str, Meta(min_length=1, max_length=128, pattern="^[!-~]+$")] | None = None
    """What names the message. One that was given before is the same message, and is not accepted again."""

    def notice(self, request_id: str, time_ms: int, trace: str = "") -> Notice:
        """Raises Unreadable. Without a message_id the message has the request's."""
        message = self._text().encode()
        if len(message) > MOST_BYTES:
            raise Unreadable(f"message: has at most {MOST_BYTES} bytes")
        given = [{"name": one.name, "value": one.value} for one in self.message_attributes or ()]
        return Notice(
            id=self.message_id or request_id,
            message=message,
            time_ms=time_ms,
            subject=self.subject or "",
            attributes=attributes_text(given),
            trace=trace,
        )

    def _text(self) -> str:
        if self.message_structure is not None:
            return _structured(self.message_structure)
        if self.message_template_name is not None:
            raise Unreadable("message_template_name: there are no templates here; publish the message itself")
        if self.message is None:
            raise Unreadable("message: is mandatory without message_structure")
        return self.message


def read(body: bytes) -> Publication:
    """Raises Unreadable."""
    try:
        return msgspec.json.decode(body, type=Publication)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the body is not that of a publish: {error}") from None


def _structured(given: str) -> str:
    try:
        texts: Any = msgspec.json.decode(given)
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable("message_structure: is not JSON") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise Unreadable("message_structure: is an object with a text for each protocol, and one for default")
    found = next(texts[protocol] for protocol in PROTOCOLS if protocol in texts)
    if not isinstance(found, str):
        raise Unreadable("message_structure: holds texts only")
    return found
