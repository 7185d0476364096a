"""Times as SMN and SNS write them. Pure."""

from datetime import UTC, datetime


def iso(time_ms: int) -> str:
    """UTC, to the second."""
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def spoken(time_ms: int) -> str:
    """As a browser says it: `Mon Mar 02 2026 07:11:40 GMT+0000 (UTC)`, in English whatever the machine speaks."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
    return f"{day} {month} {moment:%d %Y %H:%M:%S} GMT+0000 (UTC)"


def read(text: str) -> int:
    """Milliseconds since the epoch. Raises ValueError for what is no time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return int(moment.timestamp() * 1000)
