"""A time zone as spans of constant offset, which is how a schedule walks through changes of the clocks."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
_PROBE_S = DAY_S // 2
"""No zone has ever changed its clocks twice within half a day."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Offsets:
    """The offsets of a zone, found year by year as they are asked for. `name` is the IANA name."""

    __slots__ = ("_years", "name", "zone")

    def __init__(self, name: str) -> None:
        """Raises ValueError when there is no such zone."""
        self.name = name
        self.zone: tzinfo = UTC if name == "UTC" else _zone(name)
        self._years: dict[int, tuple[list[int], list[int]]] = {}

    def at(self, instant: int) -> tuple[int, int]:
        """Seconds east of UTC at `instant`, and the first instant after it where that may be different."""
        if self.zone is UTC:
            return 0, instant + 400 * DAY_S
        year = _year(instant)
        starts, offsets = self._years.get(year) or self._learn(year)
        span = bisect_right(starts, instant) - 1
        return offsets[span], starts[span + 1]

    def _learn(self, year: int) -> tuple[list[int], list[int]]:
        """The spans of one year: where each begins (the last entry is the year's end) and its offset."""
        begin, end = _new_year(year), _new_year(year + 1)
        starts, offsets = [begin], [self._offset(begin)]
        for probe in range(begin + _PROBE_S, end + _PROBE_S, _PROBE_S):
            probe = min(probe, end - 1)
            offset = self._offset(probe)
            if offset != offsets[-1]:
                starts.append(self._change(probe - _PROBE_S, probe))
                offsets.append(offset)
        starts.append(end)
        self._years[year] = starts, offsets
        return starts, offsets

    def _change(self, before: int, after: int) -> int:
        """The first instant in (before, after] with the offset of `after`."""
        offset = self._offset(after)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == offset:
                after = middle
            else:
                before = middle
        return after

    def _offset(self, instant: int) -> int:
        moment = (_EPOCH + timedelta(seconds=instant)).astimezone(self.zone)
        offset = moment.utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is not a time zone of the IANA database") from None


def _year(instant: int) -> int:
    return (_EPOCH + timedelta(seconds=instant)).year


def _new_year(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)


@lru_cache(maxsize=1024)
def offsets(name: str) -> Offsets:
    """The one Offsets of a zone. Raises ValueError when there is no such zone."""
    return Offsets(name)
