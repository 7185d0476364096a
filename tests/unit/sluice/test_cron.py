"""Cron expressions: what robfig/cron v3.0.1 answers, and what a matcher that tries every minute answers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.cron import Cron
from sluice.errors import Invalid
from sluice.offsets import offsets
from sluice.schedule import parse

ROBFIG = [
    ("2026-03-28T12:00:00+01:00", "CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-03-30T02:30:00+02:00"),
    ("2026-03-29T01:00:00+01:00", "CRON_TZ=Europe/Berlin 0 0 * * * *", "2026-03-29T03:00:00+02:00"),
    ("2026-03-29T01:59:59+01:00", "CRON_TZ=Europe/Berlin * * * * * *", "2026-03-29T03:00:00+02:00"),
    ("2026-10-25T00:00:00+02:00", "CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-10-25T02:30:00+02:00"),
    ("2026-10-25T02:30:00+02:00", "CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-10-25T02:30:00+01:00"),
    ("2026-10-25T02:30:00+01:00", "CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-10-26T02:30:00+01:00"),
    ("2026-10-25T02:59:59+02:00", "CRON_TZ=Europe/Berlin */15 * * * * *", "2026-10-25T02:00:00+01:00"),
    ("2012-03-11T00:00:00-05:00", "CRON_TZ=America/New_York 0 30 2 11 Mar ?", "2013-03-11T02:30:00-04:00"),
    ("2012-03-11T01:00:00-05:00", "CRON_TZ=America/New_York 0 0 * * * ?", "2012-03-11T03:00:00-04:00"),
    ("2012-03-11T00:00:00-05:00", "CRON_TZ=America/New_York 0 0 2 * * ?", "2012-03-12T02:00:00-04:00"),
    ("2012-11-04T00:00:00-04:00", "CRON_TZ=America/New_York 0 30 2 04 Nov ?", "2012-11-04T02:30:00-05:00"),
    ("2012-11-04T01:45:00-04:00", "CRON_TZ=America/New_York 0 30 1 04 Nov ?", "2012-11-04T01:30:00-05:00"),
    ("2012-11-04T01:00:00-04:00", "CRON_TZ=America/New_York 0 0 1 * * ?", "2012-11-04T01:00:00-05:00"),
    ("2012-11-04T01:00:00-05:00", "CRON_TZ=America/New_York 0 0 1 * * ?", "2012-11-05T01:00:00-05:00"),
    ("2026-03-02T03:59:59+00:00", "CRON_TZ=Asia/Shanghai 0 0 12 * * *", "2026-03-02T12:00:00+08:00"),
    ("2026-03-02T12:00:00+08:00", "CRON_TZ=Asia/Shanghai 0 30 8 ? * MON-FRI", "2026-03-03T08:30:00+08:00"),
    ("2026-12-31T23:59:59+08:00", "CRON_TZ=Asia/Shanghai 0 0 0 1 1 *", "2027-01-01T00:00:00+08:00"),
    ("2025-10-05T01:30:00+10:30", "CRON_TZ=Australia/Lord_Howe 0 15 2 * * *", "2025-10-06T02:15:00+11:00"),
    ("2025-10-05T01:30:00+10:30", "CRON_TZ=Australia/Lord_Howe 0 45 2 * * *", "2025-10-05T02:45:00+11:00"),
    ("2026-04-05T01:00:00+11:00", "CRON_TZ=Australia/Lord_Howe 0 45 1 * * *", "2026-04-05T01:45:00+11:00"),
    ("2026-04-05T01:45:00+11:00", "CRON_TZ=Australia/Lord_Howe 0 45 1 * * *", "2026-04-05T01:45:00+10:30"),
    ("2026-03-02T00:00:00+00:00", "0 0 12 13 * FRI", "2026-03-06T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 0 12 */2 * FRI", "2026-03-03T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 0 12 ? * FRI", "2026-03-06T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 0 12 */1 * FRI", "2026-03-06T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 0/5 12-14 ? * MON-FRI", "2026-03-02T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 0 12 ? JAN,FEB,MAR,APR *", "2026-03-02T12:00:00+00:00"),
    ("2026-03-02T00:00:00+00:00", "0 1/3 * * *", "2026-03-02T00:01:00+00:00"),
    ("2026-03-02T12:00:00+00:00", "0 0 12 29 2 *", "2028-02-29T12:00:00+00:00"),
    ("2026-03-02T12:00:00+00:00", "0 26,29,33 * * * *", "2026-03-02T12:26:00+00:00"),
    ("2026-03-02T12:00:00+00:00", "@every 1.5h", "2026-03-02T13:30:00+00:00"),
    ("2026-03-02T12:00:00+00:00", "@every 2h30m", "2026-03-02T14:30:00+00:00"),
    ("2026-03-02T12:00:00+00:00", "@every 1500ms", "2026-03-02T12:00:01+00:00"),
    ("2026-03-02T12:00:00+00:00", "@every 20ms", "2026-03-02T12:00:01+00:00"),
    ("2026-03-02T12:00:00+00:00", "0 0 0 30 2 *", "never"),
]
"""After this instant, this expression: what robfig/cron v3.0.1 (Go 1.x, its own run) says is next."""


@pytest.mark.parametrize(("after", "text", "expected"), ROBFIG)
def test_the_next_instant_is_robfigs(after: str, text: str, expected: str) -> None:
    found = parse("Cron", text).after(datetime.fromisoformat(after).timestamp())
    assert found == (None if expected == "never" else datetime.fromisoformat(expected).timestamp())


def test_half_an_hour_repeated_loses_no_instant_where_robfig_loses_one() -> None:
    """robfig steps from 01:30 over the half hour that Lord Howe repeats and answers the next day."""
    after = datetime.fromisoformat("2026-04-05T01:45:00+10:30").timestamp()
    found = parse("Cron", "CRON_TZ=Australia/Lord_Howe 0 0 2 * * *").after(after)
    assert found == datetime.fromisoformat("2026-04-05T02:00:00+10:30").timestamp()


def test_a_day_that_a_zone_left_out_ends_the_search() -> None:
    """Samoa had no 30 December 2011; robfig never returns from this one."""
    found = parse("Cron", "CRON_TZ=Pacific/Apia 0 40/2 17 6/9,2 * ?").after(1324807195)
    assert found == 1325475600


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "5 or 6 fields"),
        ("* * * *", "5 or 6 fields"),
        ("* * * * * * *", "5 or 6 fields"),
        ("60 * * * * *", "seconds: '60' is not a number from 0 to 59"),
        ("0 0 24 * * *", "hours"),
        ("0 0 0 0 * *", "day of month"),
        ("0 0 0 32 * *", "day of month"),
        ("0 0 0 1 13 *", "month: '13' is not a number from 1 to 12 or a name like JAN"),
        ("0 0 0 * * 7", "day of week"),
        ("0 0 0 * * SAT-SUN", "ends before it begins"),
        ("0 5-1 * * * *", "minutes: '5-1' ends before it begins"),
        ("0 */0 * * * *", "minutes: the step"),
        ("0 1/2/3 * * * *", "minutes: the step"),
        ("0 1-2-3 * * * *", "minutes"),
        ("0 1, * * * *", "minutes"),
        ("? * * * * *", "seconds"),
        ("0 0 0 L * *", "day of month"),
        ("0 0 0 15W * *", "day of month"),
        ("0 0 0 ? * 5#2", "day of week"),
        ("0 -5 * * * *", "minutes"),
        ("0 +5 * * * *", "minutes"),
        ("0 1\u0661 * * * *", "minutes"),
        ("@daily", "only '@every <duration>'"),
        ("CRON_TZ=Mars/Olympus 0 0 12 * * *", "'Mars/Olympus' is not a time zone"),
        ("CRON_TZ=../../etc/passwd 0 0 12 * * *", "is not a time zone"),
        ("CRON_TZ= 0 0 12 * * *", "'' is not a time zone"),
        ("CRON_TZ=America 0 0 12 * * *", "'America' is not a time zone"),
        ("TZ=UTC 0 0 12 * * *", "5 or 6 fields"),
    ],
)
def test_a_bad_expression_is_refused_with_its_field_and_rule(text: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse("Cron", text)
    assert refused.value.code == "FSS.1109"
    assert rule in str(refused.value)
    assert refused.value.faults[0].field == "schedule"


BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}


@st.composite
def _field(draw: st.DrawFn, name: str) -> tuple[str, frozenset[int], bool]:
    """A field's text, the values it stands for, and whether it restricts nothing: built from the values, not read from the text."""
    low, high = BOUNDS[name]
    if draw(st.integers(0, 2)) == 0:
        return "*", frozenset(range(low, high + 1)), True
    texts: list[str] = []
    values: set[int] = set()
    free = False
    for _ in range(draw(st.integers(1, 3))):
        begin, end = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        step = draw(st.integers(1, 7))
        text, more, star = draw(
            st.sampled_from(
                [
                    (f"{begin}", {begin}, False),
                    (f"{begin}-{end}", set(range(begin, end + 1)), False),
                    (f"{begin}-{end}/{step}", set(range(begin, end + 1, step)), False),
                    (f"{begin}/{step}", set(range(begin, high + 1, step)), False),
                    (f"*/{step}", set(range(low, high + 1, step)), step == 1),
                ]
            )
        )
        texts.append(text)
        values |= more
        free = free or star
    return ",".join(texts), frozenset(values), free


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Casablanca", "America/Sao_Paulo"]
CHANGES = [1774746000, 1761440400, 1762063200, 1775322000, 1759590000, 1741503600, 1518922800, 1541300400, 1740276000]
"""Instants near which some of the zones change their clocks."""


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-86_400, 86_400))
def test_every_minute_of_two_days_agrees_with_a_matcher_that_tries_each(data: st.DataObject, zone: str, change: int, away: int) -> None:
    fields = {name: data.draw(_field(name)) for name in BOUNDS}
    text = f"0 {' '.join(fields[name][0] for name in ('minute', 'hour', 'day', 'month', 'weekday'))}"
    start = change + away
    expected = _tried(fields, ZoneInfo(zone), start, start + 2 * 86_400)
    found = Cron(text, offsets(zone)).after(start)
    assert (found if found is not None and found <= start + 2 * 86_400 else None) == expected, text


def _tried(fields: dict[str, tuple[str, frozenset[int], bool]], zone: ZoneInfo, after: int, until: int) -> int | None:
    for instant in range(after - after % 60 + 60, until + 1, 60):
        wall = datetime.fromtimestamp(instant, UTC).astimezone(zone)
        day, weekday = wall.day in fields["day"][1], wall.isoweekday() % 7 in fields["weekday"][1]
        either = not fields["day"][2] and not fields["weekday"][2]
        chosen = (day or weekday) if either else (day and weekday)
        if chosen and wall.minute in fields["minute"][1] and wall.hour in fields["hour"][1] and wall.month in fields["month"][1]:
            return instant
    return None


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ROBFIG[:30]), st.integers(0, 400_000_000), st.integers(1, 20_000_000))
def test_the_latest_instant_is_the_one_before_the_next(golden: tuple[str, str, str], ago: int, span: int) -> None:
    schedule = parse("Cron", golden[1])
    until = 1_790_000_000 - ago
    found = schedule.latest(until - span, until)
    following = schedule.after(until)
    if found is None:
        assert schedule.after(until - span) == following
    else:
        assert until - span < found <= until
        assert schedule.after(found) == following


def test_the_fraction_of_a_second_is_no_reason_to_fire_early() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    schedule = parse("Cron", "0 0 12 * * *")
    assert schedule.after((noon - timedelta(seconds=0.5)).timestamp()) == noon.timestamp()
    assert schedule.after(noon.timestamp() + 0.5) == (noon + timedelta(days=1)).timestamp()
