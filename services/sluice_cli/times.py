"""Times as people write them on a command line; pure."""

import re
from datetime import UTC, datetime

import typer

_AGO = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> int:
    """A length of time: `90s`, `15m`, `1h`, `30d`; 0 for ""."""
    length = _AGO.fullmatch(text)
    if text and not length:
        raise typer.BadParameter(f"{text[:40]!r} is not a length of time like 90s, 15m, 1h, 30d")
    return int(length[1]) * _SECONDS[length[2]] if length else 0


def instant(text: str, now: float) -> float:
    """Seconds since the epoch of `10m` (ago), `2026-03-02T11:47:56` (UTC where it has no offset) or such a number; 0 for ""."""
    if not text:
        return 0.0
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text[:40]!r} is neither an age like 10m, 2h, 1d nor a time like 2026-03-02T11:47:56") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
