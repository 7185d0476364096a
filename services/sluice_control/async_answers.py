"""Asynchronous settings and invocations as the API shows them; pure."""

from typing import Any

import msgspec

from sluice.event import id_text
from sluice.ledger import Story
from sluice_control.registry import AsyncRow
from sluice_control.times import plain, rfc3339

_ENDED = frozenset({"SUCCESS", "FAIL", "DISCARD"})


def async_config(row: AsyncRow, region: str) -> dict[str, Any]:
    destinations = row.config.destination_config
    return {
        "func_urn": str(row.function.urn(region, row.version)),
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
        "error_message": ended.detail if ended and failed else "",
        "error_code": 500 if failed else 0,
        "start_time": plain(story.steps[0].at) if story.steps else None,
        "end_time": plain(ended.at) if ended else None,
    }
