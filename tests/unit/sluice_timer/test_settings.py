"""What a timer may be told, and how every fault is named."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_timer.kind import source_of
from sluice_timer.settings import TimerSettings

GOOD: dict[str, Any] = {"name": "nightly", "schedule_type": "Cron", "schedule": "0 30 8 * * *"}


def decode(**changes: Any) -> TimerSettings:
    return msgspec.convert({**GOOD, **changes}, TimerSettings)


def test_functiongraphs_four_names_are_enough() -> None:
    settings = decode(user_event='{"job":"vacuum"}')
    assert settings.user_event == '{"job":"vacuum"}'
    assert settings.misfire == "skip"


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="shedule"):
        decode(shedule="3m")


@pytest.mark.parametrize("field", ["name", "schedule_type", "schedule"])
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert({key: value for key, value in GOOD.items() if key != field}, TimerSettings)


@pytest.mark.parametrize("changes", [{"name": 1}, {"schedule_type": "Often"}, {"misfire": "never"}, {"misfire_max": 0}, {"user_event": {}}])
def test_a_wrong_type_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(changes))):
        decode(**changes)


def test_all_faults_come_in_one_message() -> None:
    with pytest.raises(Invalid) as refused:
        decode(name="9-", schedule="61 * * * * *")
    assert [fault.field for fault in refused.value.faults] == ["name", "schedule"]
    assert refused.value.code == "FSS.1109"


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(Invalid, match="never comes"):
        decode(schedule="0 0 0 30 2 *")


def test_another_schedule_is_another_source_and_another_name_is_not() -> None:
    assert source_of(decode()) == source_of(decode(name="other", user_event="x"))
    assert source_of(decode()) != source_of(decode(schedule="0 31 8 * * *"))
