"""A trigger as the API shows it; pure."""

from typing import Any

import msgspec

from sluice.trigger import TriggerKind
from sluice.trigger_options import GATEWAY_TYPES
from sluice_control.registry import TriggerRow
from sluice_control.times import rfc3339


def trigger(row: TriggerRow, region: str, base_url: str) -> dict[str, Any]:
    """FunctionGraph's object; `event_data` as it was given, with masks in place of secrets."""
    data: dict[str, Any] = msgspec.json.decode(row.event_data)
    if row.type in GATEWAY_TYPES:
        url = base_url + str(data.get("path", ""))
        data |= {"triggerid": row.id, "api_id": row.id, "api_name": data.get("name", ""), "invoke_url": url}
        data["func_info"] = {**data.get("func_info", {}), "function_urn": str(row.function.urn(region, row.qualifier))}
    return {
        "trigger_id": row.id,
        "trigger_type_code": row.type,
        "trigger_status": row.status.value,
        "event_data": data,
        "last_updated_time": rfc3339(row.modified_ms),
        "created_time": rfc3339(row.created_ms),
    }


def type_model(code: str, kind: TriggerKind) -> dict[str, Any]:
    return {
        "trigger_type_code": code,
        "display_name": code,
        "status": "ACTIVE",
        "event_codes": ["MessageCreated"],
        "description": (kind.settings.__doc__ or kind.name).strip().partition("\n")[0],
    }
