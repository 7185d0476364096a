"""The settings of an EventGrid trigger: FunctionGraph's names, and ours beside them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.filters import Match, parse
from sluice.pushed import PushedSettings

_CHANNEL = re.compile(r"[^/\s\x00-\x1f]*")
_ORIGIN = re.compile(r"[A-Za-z0-9*._:-]{1,255}")

Text = Annotated[str, Meta(max_length=1024)]


class EventGridSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of EVENTGRID. Decoding refuses unknown keys and wrong types by name; what breaks a rule is named too, all of it at once
    (Invalid)."""

    channel_id: Annotated[str, Meta(max_length=128)] = ""
    """The channel whose events are published to all its triggers. "": events are sent to the trigger's own address only."""
    channel_name: Text = ""
    trigger_name: Text = ""
    agency: Text = ""
    created_time: Text = ""
    """These four are kept, and without a meaning here."""
    status: str = ""
    source_name: Text = ""
    """The `source` of the events that are wanted. "": any."""
    event_types: Annotated[list[Text], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """The `type`s of the events that are wanted. Empty: all."""
    key_encode: bool = msgspec.field(default=False, name="Key_encode")
    """Whether keys of objects in OBS events are URL-encoded."""

    subject_prefix: Text = ""
    """What the `subject` of the events that are wanted begins with."""
    webhook_origins: Annotated[list[str], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """Who may send to the trigger's own address, by WebHook-Request-Origin. Empty: any, with or without that header."""

    def __post_init__(self) -> None:
        if faults := list(self._faults()):
            raise Invalid(faults)

    def selects(self) -> Match | None:
        """What chooses among events; every record is one, so what is none does not match either."""
        clauses: dict[str, Any] = {"specversion": "1.0"}
        if self.source_name:
            clauses["source"] = self.source_name
        if self.event_types:
            clauses["type"] = {"any": self.event_types}
        if self.subject_prefix:
            clauses["subject"] = {"prefix": self.subject_prefix}
        return parse(msgspec.json.encode(clauses).decode())

    def _faults(self) -> Iterator[Fault]:
        if not _CHANNEL.fullmatch(self.channel_id):
            yield Fault("channel_id", "holds no / and no spaces")
        if self.status not in ("", "ACTIVE"):
            yield Fault("status", "is ACTIVE; a trigger that shall not run has the trigger_status DISABLED")
        if not all(self.event_types):
            yield Fault("event_types", "holds no empty texts")
        if not all(map(_ORIGIN.fullmatch, self.webhook_origins)):
            yield Fault("webhook_origins", "are names of hosts")
