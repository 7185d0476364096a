"""CADF events (DMTF's Cloud Auditing Data Federation, as OpenStack's services send them), as traces. Pure."""

from typing import Any

import msgspec

from sluice_cts.trace import Domain, Named, Status, Trace, User, seconds

TYPE = "http://schemas.dmtf.org/cloud/audit/1.0/event"
_STATUSES: dict[str, Status] = {"success": "normal", "failure": "warning", "pending": "normal", "unknown": "normal"}


class _Party(msgspec.Struct, frozen=True, rename={"type_uri": "typeURI"}):
    """An initiator, a target or an observer."""

    id: str = ""
    name: str = ""
    type_uri: str = ""
    project_id: str = ""
    domain: str = ""
    domain_id: str = ""
    username: str = ""
    host: dict[str, Any] = {}


class _Reason(msgspec.Struct, frozen=True, rename="camel"):
    reason_code: str | int = ""
    reason_type: str = ""


class CadfEvent(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of an event; the rest is left out."""

    id: str
    event_time: str
    action: str
    outcome: str
    target: _Party
    initiator: _Party = _Party()
    observer: _Party = _Party()
    reason: _Reason = _Reason()
    request_path: str = ""
    attachments: list[Any] = []


def named(event: CadfEvent) -> Named:
    """The trace of one event. Raises ValueError for a time that is none."""
    at = seconds(event.event_time)
    initiator, target = event.initiator, event.target
    request = {"path": event.request_path, "project_id": initiator.project_id, "host": initiator.host, "attachments": event.attachments}
    reason = {"outcome": event.outcome, "reason_code": event.reason.reason_code, "reason_type": event.reason.reason_type}
    trace = Trace(
        time=at,
        user=User(initiator.name or initiator.username, initiator.id, Domain(initiator.domain, initiator.domain_id)),
        request={name: value for name, value in request.items() if value},
        response={name: value for name, value in reason.items() if value},
        code=_code(event.reason.reason_code),
        service_type=_last(event.observer.type_uri) or event.observer.name or _first(target.type_uri),
        resource_type=_last(target.type_uri),
        resource_name=target.name,
        resource_id=target.id,
        trace_name=event.action,
        record_time=at,
        trace_id=event.id,
        trace_status=_STATUSES.get(event.outcome, "incident"),
    )
    return Named(event.id, trace)


def _last(uri: str) -> str:
    """CADF's taxonomy goes from the general to the special: `service/compute/servers`."""
    return uri.rpartition("/")[2]


def _first(uri: str) -> str:
    return uri.partition("/")[0]


def _code(reason: str | int) -> int:
    text = str(reason)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
