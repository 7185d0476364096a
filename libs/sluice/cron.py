"""Cron expressions as FunctionGraph's timers know them: robfig/cron v3 with the seconds first and the day of the week optional.

An instant matches when its wall time in the schedule's zone matches every field. So an hour that the clocks skip never comes, and one
that they repeat comes twice. When day of month and day of week are both restricted, either suffices; `*`, `?` and `*/1` do not restrict.
"""

import re
from datetime import date

from sluice.offsets import DAY_S, Offsets

YEARS = 5
"""How far ahead a match is sought: until the end of the fifth year after this one, as robfig does."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES)}
_NUMBER = re.compile(r"[0-9]{1,4}")
_MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Field:
    """One field's name, bounds and words."""

    def __init__(self, name: str, low: int, high: int, words: dict[str, int] | None = None, *, question: bool = False) -> None:
        self.name = name
        self.low = low
        self.high = high
        self.words = words or {}
        self.question = question

    def parse(self, text: str) -> tuple[int, bool]:
        """The values as bits, and whether the field restricts nothing. Raises ValueError naming the field and the rule."""
        bits, free = 0, False
        for part in text.split(","):
            more, star = self._range(part)
            bits |= more
            free = free or star
        return bits, free

    def _range(self, part: str) -> tuple[int, bool]:
        span, slash, step_text = part.partition("/")
        step = self._step(step_text) if slash else 1
        if span == "*" or (span == "?" and self.question):
            return _bits(self.low, self.high, step), step == 1
        low_text, hyphen, high_text = span.partition("-")
        low = self._value(low_text)
        high = self._value(high_text) if hyphen else self.high if slash else low
        if low > high:
            raise ValueError(f"{self.name}: {span!r} ends before it begins")
        return _bits(low, high, step), False

    def _step(self, text: str) -> int:
        if not _NUMBER.fullmatch(text) or int(text) == 0:
            raise ValueError(f"{self.name}: the step after '/' is a number above 0, not {text[:20]!r}")
        return int(text)

    def _value(self, text: str) -> int:
        value = self.words.get(text.lower())
        if value is None and _NUMBER.fullmatch(text):
            value = int(text)
        if value is None or not self.low <= value <= self.high:
            raise ValueError(f"{self.name}: {text[:20]!r} is not {self._rule()}")
        return value

    def _rule(self) -> str:
        words = f" or a name like {next(iter(self.words)).upper()}" if self.words else ""
        return f"a number from {self.low} to {self.high}{words}"


_FIELDS = (
    Field("seconds", 0, 59),
    Field("minutes", 0, 59),
    Field("hours", 0, 23),
    Field("day of month", 1, 31, question=True),
    Field("month", 1, 12, _MONTHS),
    Field("day of week", 0, 6, _DAYS, question=True),
)


def _bits(low: int, high: int, step: int) -> int:
    return sum(1 << value for value in range(low, high + 1, step))


class Cron:
    """A parsed expression in a zone."""

    __slots__ = ("_answered", "_asked", "_days", "_hours", "_minutes", "_months", "_restricted", "_seconds", "_weekdays", "offsets")

    def __init__(self, text: str, offsets: Offsets) -> None:
        """`text` has 5 or 6 fields. Raises ValueError naming the field and the rule."""
        words = text.split()
        if len(words) not in (5, 6):
            raise ValueError(f"it has 5 or 6 fields (seconds minutes hours day-of-month month [day-of-week]), not {len(words)}")
        if len(words) == 5:
            words.append("*")
        parsed = [field.parse(word) for field, word in zip(_FIELDS, words, strict=True)]
        self._seconds, self._minutes, self._hours, self._days, self._months, self._weekdays = (bits for bits, _ in parsed)
        self._restricted = not (parsed[3][1] or parsed[5][1])
        self.offsets = offsets
        self._asked = -1.0
        self._answered: float | None = None

    def after(self, instant: float) -> float | None:
        """The first match after `instant` (seconds since the epoch), or None if there is none within YEARS."""
        if instant != self._asked:
            # Timers that share a schedule fire together and then ask the same.
            self._asked, self._answered = instant, self._search(instant)
        return self._answered

    def _search(self, instant: float) -> float | None:
        at = int(instant // 1) + 1
        limit = None
        while True:
            offset, until = self.offsets.at(at)
            wall = self._wall(at + offset, limit)
            if wall is not None and wall - offset < until:
                return float(wall - offset)
            limit = limit or _year(at) + YEARS
            if _year(until) > limit:
                return None
            at = until

    def resume(self, since: float, instant: float) -> float | None:
        """The first match after `instant`; where it began does not matter."""
        return self.after(max(since, instant))

    def latest(self, since: float, until: float) -> float | None:
        """The last match in (since, until], found by looking back twice as far each time and then halving."""
        low, high = int(since), int(until)
        reach = 1
        while high - reach > low and not self._comes(high - reach, until):
            reach *= 2
        low = max(low, high - reach)
        if not self._comes(low, until):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._comes(middle, until):
                low = middle
            else:
                high = middle
        return self.after(low)

    def _comes(self, after: int, until: float) -> bool:
        found = self.after(after)
        return found is not None and found <= until

    def _wall(self, wall: int, limit: int | None) -> int | None:
        """The first matching wall time at or after `wall`, both as seconds since the epoch of a zone without changes."""
        days, second = divmod(wall, DAY_S)
        today = date.fromordinal(_EPOCH_DAY + days)
        if self._month_days(today.year, today.month) >> today.day & 1:
            found = self._time(second)
            if found is not None:
                return days * DAY_S + found
        day = self._day_after(today, limit or today.year + YEARS)
        first = self._time(0)
        return None if day is None or first is None else (day - _EPOCH_DAY) * DAY_S + first

    def _day_after(self, today: date, limit: int) -> int | None:
        """The ordinal of the first matching day after `today`."""
        year, month = today.year, today.month
        bits = self._month_days(year, month) >> (today.day + 1) << (today.day + 1)
        while not bits:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > limit:
                return None
            bits = self._month_days(year, month)
        return date(year, month, _lowest(bits)).toordinal()

    def _month_days(self, year: int, month: int) -> int:
        """The matching days of a month as bits 1 to 31."""
        if not self._months >> month & 1:
            return 0
        length = _MONTH_LENGTHS[month] + (month == 2 and _is_leap(year))
        every = (1 << (length + 1)) - 2
        weekday = date(year, month, 1).isoweekday() % 7
        turned = self._weekdays >> weekday | self._weekdays << (7 - weekday)
        week = turned & 0x7F
        by_weekday = (week | week << 7 | week << 14 | week << 21 | week << 28) << 1
        chosen = self._days | by_weekday if self._restricted else self._days & by_weekday
        return chosen & every

    def _time(self, second: int) -> int | None:
        """The first matching second of the day at or after `second`."""
        minute, seconds = divmod(second, 60)
        hour, minutes = divmod(minute, 60)
        if self._hours >> hour & 1:
            if self._minutes >> minutes & 1 and (left := self._seconds >> seconds << seconds):
                return hour * 3600 + minutes * 60 + _lowest(left)
            if left := self._minutes >> (minutes + 1) << (minutes + 1):
                return hour * 3600 + _lowest(left) * 60 + _lowest(self._seconds)
        if left := self._hours >> (hour + 1) << (hour + 1):
            return _lowest(left) * 3600 + _lowest(self._minutes) * 60 + _lowest(self._seconds)
        return None


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _year(instant: int) -> int:
    return date.fromordinal(_EPOCH_DAY + instant // DAY_S).year
