"""The body of a timer's event, byte for byte."""

import json
from datetime import datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Binding, Mode
from sluice.event import Record
from sluice_timer.settings import TimerSettings
from sluice_timer.shape import shape

BINDING = Binding("t", "p", "TIMER", "timer", "urn:fss:local-1:p:function:default:f:latest", b"{}", mode=Mode.RECORDED)


def body(settings: TimerSettings, moment: str) -> bytes:
    at = int(datetime.fromisoformat(moment).timestamp())
    return shape(BINDING, settings, [Record(None, "schedule", str(at), at * 1000)])


def test_the_event_is_functiongraphs() -> None:
    settings = TimerSettings(
        name="nightly", schedule_type="Cron", schedule="CRON_TZ=Asia/Shanghai 0 30 8 * * *", user_event='{"job":"vacuum"}'
    )
    assert body(settings, "2026-03-02T08:30:00+08:00") == (
        b'{"version":"v1.0","time":"2026-03-02T08:30:00+08:00","trigger_type":"TIMER","trigger_name":"nightly",'
        b'"user_event":"{\\"job\\":\\"vacuum\\"}"}'
    )


def test_the_offset_is_numeric_in_utc_too() -> None:
    settings = TimerSettings(name="n", schedule_type="Rate", schedule="3m")
    assert json.loads(body(settings, "2026-03-02T00:30:00+00:00"))["time"] == "2026-03-02T00:30:00+00:00"


def test_both_halves_of_a_repeated_hour_are_told_apart() -> None:
    settings = TimerSettings(name="n", schedule_type="Cron", schedule="CRON_TZ=Europe/Berlin 0 30 2 * * *")
    times = [json.loads(body(settings, f"2026-10-25T02:30:00{offset}"))["time"] for offset in ("+02:00", "+01:00")]
    assert times == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_the_user_event_arrives_character_for_character(text: str) -> None:
    settings = msgspec.structs.replace(TimerSettings(name="n", schedule_type="Rate", schedule="3m"), user_event=text)
    assert json.loads(body(settings, "2026-03-02T00:30:00+00:00"))["user_event"] == text
