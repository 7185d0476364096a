"""Which trigger of the file is which that exists, and whether it differs."""

from typing import Any

from sluice_cli.matching import is_changed, pairs

TIMER = {"type": "TIMER", "name": "a", "schedule_type": "Rate", "schedule": "3m"}
KAFKA = {"type": "OPENSOURCEKAFKA", "kafka_connect_address": "b:1", "topic_ids": ["t"], "kafka_password": "secret"}
APIG = {"type": "APIG", "path": "/a"}


def present(number: str, trigger: dict[str, Any], **changes: Any) -> dict[str, Any]:
    data = {name: value for name, value in trigger.items() if name != "type"} | changes
    return {"trigger_id": number, "trigger_type_code": trigger["type"], "trigger_status": "ACTIVE", "event_data": data}


def matched(wanted: list[dict[str, Any]], there: list[dict[str, Any]]) -> list[str | None]:
    return [pair.present["trigger_id"] if pair.present else None for pair in pairs(wanted, there)]


def test_names_and_paths_tell_triggers_apart() -> None:
    there = [present("1", TIMER, name="b"), present("2", TIMER), present("3", APIG, path="/b"), present("4", APIG, auth="NONE")]
    assert matched([TIMER, {**TIMER, "name": "b"}, APIG, {**APIG, "path": "/b"}], there) == ["2", "1", "4", "3"]


def test_a_trigger_without_a_name_is_the_one_of_its_type() -> None:
    assert matched([{**KAFKA, "topic_ids": ["u"]}, APIG], [present("1", KAFKA, kafka_password="******")]) == ["1", None]


def test_a_renamed_timer_is_updated_rather_than_doubled() -> None:
    assert matched([{**TIMER, "name": "new"}], [present("1", TIMER)]) == ["1"]


def test_one_that_exists_is_given_out_once() -> None:
    assert matched([TIMER, {**TIMER, "name": "b"}], [present("1", TIMER)]) == ["1", None]


def test_the_same_settings_are_no_change() -> None:
    assert not is_changed(TIMER, present("1", TIMER))
    assert not is_changed({**TIMER, "enabled": True}, present("1", TIMER))
    answered = present("1", APIG, triggerid="1", api_id="1", invoke_url="u", func_info={"function_urn": "urn", "timeout": 5})
    assert not is_changed({**APIG, "func_info": {"timeout": 5}}, answered)


def test_another_value_another_status_and_a_secret_are_changes() -> None:
    assert is_changed(TIMER, present("1", TIMER, schedule="4m"))
    assert is_changed({**TIMER, "enabled": False}, present("1", TIMER))
    assert is_changed(KAFKA, present("1", KAFKA, kafka_password="******"))
