"""Events of the Linux audit log, as traces. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from sluice_cts.audit_line import AuditLine
from sluice_cts.trace import Domain, Named, Status, Trace, User

SERVICE = "linux"
_SYSCALL, _PATH = "SYSCALL", "PATH"
_NOBODY = "4294967295"
"""The login id of what no login began."""
_REFUSED = frozenset({"no", "failed", "0"})


def named(event: Sequence[AuditLine]) -> Named:
    """The trace of the records of one event, of which there is at least one."""
    first = next((record for record in event if record.type == _SYSCALL), event[0])
    fields = first.fields
    trace = Trace(
        time=first.at_s,
        user=_user(fields),
        request=_records(event),
        response=_only(fields, "success", "exit", "res", "terminal", "addr", "hostname"),
        service_type=SERVICE,
        resource_type=first.type.lower(),
        resource_name=_resource(event, fields),
        resource_id=fields.get("pid", ""),
        trace_name=_operation(first),
        trace_type="SystemAction",
        record_time=first.at_s,
        trace_id=first.event,
        trace_status=_status(fields),
    )
    return Named(first.event, trace)


def _user(fields: Mapping[str, str]) -> User:
    """Who logged in, and is behind it, whatever they have become since."""
    login = fields.get("auid", "")
    number = fields.get("uid", "") if login in ("", _NOBODY) else login
    name = fields.get("acct") or fields.get("AUID" if number == login else "UID") or number
    return User(name, number, Domain(SERVICE))


def _operation(record: AuditLine) -> str:
    """The key of the rule that noted it, else the system call or the operation, else what it is."""
    fields = record.fields
    if record.type == _SYSCALL:
        return fields.get("key") or fields.get("SYSCALL") or fields.get("syscall") or record.type.lower()
    return fields.get("op") or fields.get("key") or record.type.lower()


def _resource(event: Sequence[AuditLine], fields: Mapping[str, str]) -> str:
    paths = [record.fields for record in event if record.type == _PATH]
    chosen = [path for path in paths if path.get("nametype") != "PARENT"] or paths
    return (chosen[0].get("name") if chosen else "") or fields.get("exe") or fields.get("unit") or ""


def _status(fields: Mapping[str, str]) -> Status:
    return "warning" if _REFUSED & {fields.get("success", ""), fields.get("res", "")} else "normal"


def _records(event: Sequence[AuditLine]) -> dict[str, Any]:
    """The fields of all records by their types; a type that is there more than once has a list."""
    by_type: dict[str, list[dict[str, str]]] = {}
    for record in event:
        by_type.setdefault(record.type, []).append(record.fields)
    return {name: records[0] if len(records) == 1 else records for name, records in by_type.items()}


def _only(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: fields[name] for name in names if fields.get(name)}
