"""Asynchronous settings and invocations as the API shows them; pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sluice.event import id_text
from sluice.ledger import Story
from sluice.outcome import RUNTIME_CODES, FailureKind
from sluice_control.registry import AsyncRow
from sluice_control.times import plain, rfc3339

_PLATFORM_CODES: Mapping[FailureKind, int] = {
    FailureKind.EXPIRED: 408,
    FailureKind.REFUSED: 400,
    FailureKind.UNREADABLE: 400,
    FailureKind.FUNCTION_GONE: 404,
    FailureKind.PURGED: 410,
    FailureKind.DISABLED: 429,
    FailureKind.THROTTLED: 429,
    FailureKind.NO_CAPACITY: 429,
}
_ENDED = frozenset({"SUCCESS", "FAIL", "DISCARD"})


def async_config(row: AsyncRow, region: str) -> dict[str, Any]:
    destinations = row.config.destination_config
    return {
        "func_urn": str(row.function.urn(region, row.qualifier)),
        "max_async_event_age_in_seconds": row.config.max_async_event_age_in_seconds,
        "max_async_retry_attempts": row.config.max_async_retry_attempts,
        "destination_config": {
            "on_success": msgspec.to_builtins(destinations.on_success or {}),
            "on_failure": msgspec.to_builtins(destinations.on_failure or {}),
        },
        "created_time": rfc3339(row.created_ms),
        "last_modified": rfc3339(row.modified_ms),
        "enable_async_status_log": row.config.enable_async_status_log,
    }


def invocation(story: Story) -> dict[str, Any]:
    """One asynchronous invocation. On success there is no message and the code is 0."""
    ended = story.steps[-1] if story.steps and story.state in _ENDED else None
    failed = ended is not None and story.state != "SUCCESS"
    return {
        "request_id": id_text(story.id),
        "status": story.state,
        "error_message": (story.message or story.failure.replace("_", " ")) if failed else "",
        "error_code": error_code(story) if failed else 0,
        "start_time": plain(accepted_at(story)) if story.steps else None,
        "end_time": plain(ended.at) if ended else None,
    }


def accepted_at(story: Story) -> float:
    return next((step.at for step in story.steps if step.what == "accepted"), story.steps[0].at)


def error_code(story: Story) -> int:
    """That of a synchronous invocation for failures of the function: its own status, or the runtime's code. For the platform's, as HTTP
    has it."""
    try:
        kind = FailureKind(story.failure)
    except ValueError:
        return 500
    if kind is FailureKind.FUNCTION_ERROR and story.status >= 400:
        return story.status
    return RUNTIME_CODES[kind][0] if kind in RUNTIME_CODES else _PLATFORM_CODES.get(kind, 503)
