"""Triggers as FunctionGraph answers them."""

from typing import Any, Literal, TypedDict

from sluice_control.answers.function import Time


class Trigger(TypedDict):
    """Of creating, showing, updating and listing. `event_data` is as it was given, secrets masked."""

    trigger_id: str
    trigger_type_code: str
    trigger_status: Literal["ACTIVE", "DISABLED"]
    event_data: dict[str, Any]
    last_updated_time: Time
    created_time: Time


class TriggerType(TypedDict):
    """An element of list_trigger_types."""

    trigger_type_code: str
    display_name: str
    status: str
    event_codes: list[str]
    description: str
