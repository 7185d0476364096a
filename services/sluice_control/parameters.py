"""What may stand in a path, a query or a header, as JSON schemas: for the API's document; pure."""

from collections.abc import Mapping
from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_EMPTY: dict[str, Any] = {"type": "string", "maxLength": 0, "description": "The same as leaving it out."}
_NUMBER: dict[str, Any] = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999}, _EMPTY]}
_TIME: dict[str, Any] = {"type": "string", "description": "2026-03-02T11:47:56 (UTC), or seconds since 1970."}
_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 64}
_URN: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "pattern": r"^[^/]+$",
    "description": "urn:fss:REGION:PROJECT:function:PACKAGE:NAME[:VERSION or :!ALIAS], or a short form of it; escaped or not.",
    "examples": ["hello"],
}
_STATE: dict[str, Any] = {"type": "string", "enum": ["WAIT", "RUNNING", "SUCCESS", "FAIL", "DISCARD", ""]}
_FLAG: dict[str, Any] = {"type": "string", "enum": ["true", "false", ""]}

KNOWN: Mapping[str, dict[str, Any]] = {
    "access_key": _NAME,
    "action": {"type": "string", "enum": ["filter", "count"]},
    "after": _NUMBER,
    "alias_name": _NAME,
    "before": _NUMBER,
    "body": _FLAG,
    "code": _FLAG,
    "config": _FLAG,
    "digest": _NAME,
    "end_time": _TIME,
    "event_id": _NAME,
    "failure": _TEXT,
    "filter": _TEXT,
    "follow": _FLAG,
    "func_name": _TEXT,
    "func_urn": _URN,
    "function": _TEXT,
    "function_urn": _URN,
    "limit": _NUMBER,
    "marker": _NUMBER,
    "maxitems": _NUMBER,
    "name": _TEXT,
    "nocatalog": _TEXT,
    "option": _TEXT,
    "package_name": _TEXT,
    "period": _TEXT,
    "project": _TEXT,
    "project_id": _NAME,
    "query_begin_time": _TIME,
    "query_end_time": _TIME,
    "request_id": _TEXT,
    "requests": {"type": "string", "description": "Up to 10 ids, with commas between."},
    "resource_id": _URN,
    "resource_type": {"type": "string", "enum": ["functions"]},
    "since": _TIME,
    "start_time": _TIME,
    "status": _STATE,
    "trigger": _TEXT,
    "trigger_id": _NAME,
    "trigger_type_code": _NAME,
    "type": _TEXT,
    "until": _TIME,
    "urn": _TEXT,
}
"""By name; the same name means the same in every operation but those of `_OF_ONE`."""

_OF_ONE: Mapping[tuple[str, str], dict[str, Any]] = {
    ("list_triggers", "after"): _TEXT,
    ("list_reserved_instance_configs", "function_urn"): _TEXT,
}

HEADERS: Mapping[str, dict[str, dict[str, Any]]] = {
    "invoke_function": {
        "X-Cff-Log-Type": {"type": "string", "examples": ["tail"]},
        "X-CFF-Request-Version": {"type": "string", "examples": ["v0", "v1"]},
        "X-Cff-Instance-Memory": _TEXT,
    },
    "async_invoke_function": {"X-Cff-Instance-Memory": _TEXT},
}
"""The headers that an operation reads."""


def schema(operation: str, name: str) -> dict[str, Any]:
    """Any text, for a name that is not in the table."""
    return _OF_ONE.get((operation, name)) or KNOWN.get(name, _TEXT)
