"""Times as text, the way the API writes and reads them; pure."""

import re
from datetime import UTC, datetime

from sluice.clock import aware
from sluice.errors import Fault, Invalid

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?(e-?[0-9]{1,3})?", re.ASCII)
_YEAR_10000_S = 253_402_300_800


def rfc3339(epoch_ms: int) -> str:
    """`2026-03-02T11:47:56Z`."""
    return aware(epoch_ms / 1000).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(epoch_s: float) -> str:
    """`2026-03-02T11:47:56`, as FunctionGraph writes the times of asynchronous invocations (UTC)."""
    return aware(epoch_s).strftime("%Y-%m-%dT%H:%M:%S")


def read(field: str, text: str) -> float:
    """Seconds since the epoch, of such a number or of an ISO 8601 time (UTC where it has no offset). Raises Invalid."""
    try:
        at = float(text) if _DECIMAL.fullmatch(text) else _parsed(text)
    except (ValueError, OverflowError):
        at = -1.0
    if not 0 <= at < _YEAR_10000_S:
        raise Invalid([Fault(field, f"{text[:40]!r} is neither seconds since 1970 nor a time like 2026-03-02T11:47:56")], "FSS.1001")
    return at


def _parsed(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
