"""Rate and @every, and which words are refused."""

import pytest

from sluice.errors import Invalid
from sluice.schedule import Every, parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("3m", 180), ("60m", 3600), ("1h", 3600), ("24h", 86_400), ("1d", 86_400), ("30d", 2_592_000)],
)
def test_a_rate_fires_one_period_later(text: str, seconds: int) -> None:
    assert parse("Rate", text).after(1_000_000) == 1_000_000 + seconds


@pytest.mark.parametrize(
    "text", ["0m", "61m", "25h", "31d", "3", "m", "3s", "3 m", "-3m", "1.5h", "3M", "", "3m3m", "\u0663m", "9" * 30 + "m"]
)
def test_a_rate_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Rate") as refused:
        parse("Rate", text)
    assert (refused.value.code, refused.value.faults[0].field) == ("FSS.1109", "schedule")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("1.5h", 5400),
        ("2h30m", 9000),
        ("90s", 90),
        (".5h", 1800),
        ("1.h", 3600),
        ("1h1m1s", 3661),
        ("1500ms", 1),
        ("20ms", 1),
        ("1ns", 1),
        ("1000000us", 1),
        ("2000000µs", 2),
        ("2000000μs", 2),
        ("0.1h0.1m", 366),
    ],
)
def test_every_takes_durations_as_go_writes_them(text: str, seconds: int) -> None:
    assert parse("Cron", f"@every {text}").after(1_000_000) == 1_000_000 + seconds


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "1d", "1 h", "0s", "1e3s", "1h-1m", "1..5h", ".h", "9999999h"])
def test_a_duration_go_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse("Cron", f"@every {text}")


def test_another_type_is_refused_by_its_field() -> None:
    with pytest.raises(Invalid) as refused:
        parse("cron", "3m")
    assert refused.value.faults[0].field == "schedule_type"


def test_a_period_goes_on_from_where_it_began() -> None:
    schedule = parse("Rate", "1m")
    assert schedule.resume(1000, 1130) == 1180
    assert schedule.resume(1000, 1120) == 1180
    assert schedule.resume(1000, 500) == 1060
    assert schedule.latest(1000, 1130) == 1120
    assert schedule.latest(1000, 1120) == 1120
    assert schedule.latest(1000, 1059) is None


def test_every_instant_is_a_whole_second() -> None:
    assert parse("Cron", "@every 10s").after(1000.7) == 1010
    assert parse("Rate", "1m").resume(1000.7, 1061.2) == 1120


def test_the_same_words_are_one_object() -> None:
    assert parse("Cron", "0 0 12 * * *") is parse("Cron", "0 0 12 * * *")


def test_the_zone_of_every_is_kept_for_the_time_in_the_event() -> None:
    schedule = parse("Cron", "CRON_TZ=Asia/Shanghai @every 1h")
    assert isinstance(schedule, Every)
    assert schedule.offsets.name == "Asia/Shanghai"
