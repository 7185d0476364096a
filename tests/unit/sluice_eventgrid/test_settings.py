"""What `event_data` of EVENTGRID may be, and what it chooses."""

import json
from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice.event import Record
from sluice_eventgrid.settings import EventGridSettings


def settings(**given: Any) -> EventGridSettings:
    return msgspec.convert(given, EventGridSettings)


def unmatched(own: EventGridSettings, **changes: Any) -> str:
    event = {"specversion": "1.0", "id": "1", "source": "HC.OBS", "type": "object:put", "subject": "in/cat.jpg"} | changes
    match = own.selects()
    assert match is not None
    return match(Record(json.dumps(event).encode(), "s", "", 0))


def test_nothing_is_mandatory_and_functiongraphs_names_are_known() -> None:
    assert settings().channel_id == ""
    given = {
        "trigger_name": "t",
        "channel_id": "c-1",
        "channel_name": "mine",
        "source_name": "HC.OBS",
        "event_types": ["object:put"],
        "agency": "a",
        "status": "ACTIVE",
        "created_time": "2026-03-02T12:07:48Z",
        "Key_encode": True,
    }
    assert settings(**given).key_encode


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"channel_id": "a/b"}, "channel_id"),
        ({"channel_id": "a b"}, "channel_id"),
        ({"status": "DISABLED"}, "status"),
        ({"event_types": [""]}, "event_types"),
        ({"webhook_origins": ["https://example.org/"]}, "webhook_origins"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings(**given)
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize("given", [{"no_such": 1}, {"key_encode": True}, {"event_types": "object:put"}, {"channel_id": "x" * 129}])
def test_what_has_the_wrong_form_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**given)


def test_source_types_and_subject_choose_and_the_clause_that_did_not_hold_is_told() -> None:
    own = settings(source_name="HC.OBS", event_types=["object:put", "object:post"], subject_prefix="in/")
    assert unmatched(own) == ""
    assert unmatched(own, type="object:post") == ""
    assert unmatched(own, source="HC.OBS2") == "source"
    assert unmatched(own, type="object:delete") == "type"
    assert unmatched(own, subject="out/in/") == "subject"
    assert unmatched(settings(), source="any", type="any") == ""


def test_what_is_no_cloudevent_is_chosen_by_nothing() -> None:
    match = settings().selects()
    assert match is not None
    assert [match(Record(value, "s", "", 0)) for value in (b"{}", b"text", None)] == ["specversion", "the value is not JSON", "specversion"]
