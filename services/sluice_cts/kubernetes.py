"""Audit events of a Kubernetes API server (audit.k8s.io/v1), as traces. Pure."""

from typing import Any

import msgspec

from sluice_cts.trace import Domain, Named, Status, Trace, User, seconds, status_of

CORE = "core"
"""The service of the API group that has no name."""
NO_RESOURCE = "nonresource"
"""The service of requests for paths such as /healthz; the path is their resource."""


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    uid: str = ""
    groups: list[str] = []


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_group: str = ""
    api_version: str = ""
    subresource: str = ""


class _Status(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""
    reason: str = ""
    status: str = ""


class AuditEvent(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of an event; the rest is left out."""

    audit_id: str = msgspec.field(name="auditID")
    stage: str
    verb: str
    request_received_timestamp: str
    stage_timestamp: str
    request_uri: str = msgspec.field(name="requestURI", default="")
    user: _User = _User()
    impersonated_user: _User | None = None
    source_ips: list[str] = msgspec.field(name="sourceIPs", default_factory=list)
    user_agent: str = ""
    object_ref: _Object | None = None
    response_status: _Status | None = None
    request_object: Any = None
    response_object: Any = None
    annotations: dict[str, str] = {}


def named(event: AuditEvent) -> Named:
    """The trace of one stage of a request. Raises ValueError for a time that is none."""
    place = event.object_ref
    code = event.response_status.code if event.response_status else 0
    trace = Trace(
        time=seconds(event.request_received_timestamp),
        user=User(event.user.username, event.user.uid, Domain("kubernetes")),
        request=_request(event),
        response=_response(event),
        code=code,
        service_type=(place.api_group or CORE) if place else NO_RESOURCE,
        resource_type=_resource(place) if place else event.request_uri.partition("?")[0],
        resource_name=place.name if place else "",
        resource_id=(place.uid or "/".join(filter(None, (place.namespace, place.name)))) if place else "",
        trace_name=event.verb,
        trace_type="SystemAction" if event.user.username.startswith("system:") else "ApiCall",
        record_time=seconds(event.stage_timestamp),
        trace_id=event.audit_id,
        trace_status=_status(event, code),
    )
    return Named(f"{event.audit_id}/{event.stage}", trace)


def _resource(place: _Object) -> str:
    return f"{place.resource}/{place.subresource}" if place.subresource else place.resource


def _request(event: AuditEvent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "uri": event.request_uri,
        "source_ips": event.source_ips,
        "user_agent": event.user_agent,
        "groups": event.user.groups,
        "impersonated_user": event.impersonated_user.username if event.impersonated_user else "",
        "namespace": event.object_ref.namespace if event.object_ref else "",
        "object": event.request_object,
        "annotations": event.annotations,
    }
    return {name: value for name, value in told.items() if value}


def _response(event: AuditEvent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "stage": event.stage,
        "status": event.response_status.status if event.response_status else "",
        "reason": event.response_status.reason if event.response_status else "",
        "message": event.response_status.message if event.response_status else "",
        "object": event.response_object,
    }
    return {name: value for name, value in told.items() if value}


def _status(event: AuditEvent, code: int) -> Status:
    return "incident" if event.stage == "Panic" else status_of(code)
