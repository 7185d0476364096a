"""Invocations and their settings as FunctionGraph answers them."""

from typing import Any, Literal, NotRequired, TypedDict


class PageInfo(TypedDict):
    """Where a page stands: offsets of the next and of its own first element, and how many it has."""

    next_marker: int
    previous_marker: int
    current_count: int


class Accepted(TypedDict):
    """Of async_invoke_function."""

    request_id: str


class AsyncSettings(TypedDict):
    """Of showing, updating and listing asynchronous settings."""

    func_urn: str
    max_async_event_age_in_seconds: int
    max_async_retry_attempts: int
    destination_config: dict[str, Any]
    created_time: str
    last_modified: str
    enable_async_status_log: bool


class AsyncSettingsPage(TypedDict):
    """Of list_function_async_invoke_config."""

    async_invoke_configs: list[AsyncSettings]
    count: int
    page_info: PageInfo


class Invocation(TypedDict):
    """One asynchronous invocation; on success without message and with the code 0."""

    request_id: str
    status: Literal["WAIT", "RUNNING", "SUCCESS", "FAIL", "DISCARD"]
    error_message: str
    error_code: int
    start_time: str | None
    end_time: str | None


class Invocations(TypedDict):
    """Of list_async_invocations and list_active_async_invocations."""

    invocations: list[Invocation]
    count: int
    next_marker: int


class Said(TypedDict):
    """Of invoke_function with X-CFF-Request-Version v1: what the function said, as text."""

    request_id: str
    result: str
    log: NotRequired[str]
    status: int
