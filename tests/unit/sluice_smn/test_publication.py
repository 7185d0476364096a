"""What is published to a topic of ours."""

import json
from typing import Any

import pytest

from sluice_smn.envelope import Unreadable
from sluice_smn.notice import Notice
from sluice_smn.publication import MOST_BYTES, read


def notice(**body: Any) -> Notice:
    return read(json.dumps(body).encode()).notice("r-1", 1000)


def test_a_message_without_an_id_has_the_requests() -> None:
    told = notice(message="disk full", subject="host-3", time_to_live="3600", tags={"a": "b"})
    assert (told.id, told.message, told.subject, told.time_ms, told.attributes) == ("r-1", b"disk full", "host-3", 1000, "")


def test_a_publisher_may_name_its_message() -> None:
    assert notice(message="x", message_id="mine-1").id == "mine-1"


def test_attributes_are_kept() -> None:
    given = [{"name": "a", "type": "STRING", "value": "x"}, {"name": "l", "type": "STRING_ARRAY", "value": ["y", "z"]}]
    assert notice(message="x", message_attributes=given).attributes == '{"a":"x","l":["y","z"]}'


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"default": "d", "email": "e"}, b"d"),
        ({"default": "d", "functionstage": "f"}, b"f"),
        ({"default": "d", "functionstage": "f", "functiongraph": "g"}, b"g"),
    ],
)
def test_of_a_structure_the_text_for_functions_is_taken_before_the_message(texts: dict[str, str], message: bytes) -> None:
    assert notice(message="m", message_structure=json.dumps(texts)).message == message


@pytest.mark.parametrize("message", ["", "x" * MOST_BYTES])
def test_a_message_may_be_empty_and_as_large_as_smns(message: str) -> None:
    assert notice(message=message).message == message.encode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": "x" * (MOST_BYTES + 1)}, "message"),
        ({"message": 1}, "message"),
        ({"message_structure": "text"}, "message_structure"),
        ({"message_structure": '{"email": "e"}'}, "message_structure"),
        ({"message_structure": '{"default": "d", "functiongraph": 1}'}, "message_structure"),
        ({"message_template_name": "t"}, "message_template_name"),
        ({"message": "x", "message_id": ""}, "message_id"),
        ({"message": "x", "message_id": "a b"}, "message_id"),
        ({"message": "x", "message_attributes": [{"name": "a", "type": "NUMBER", "value": "1"}]}, "message_attributes"),
        ({"message": "x", "no_such": 1}, "no_such"),
        ({"message": "x", "subject": "s" * 513}, "subject"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Unreadable, match=field):
        notice(**body)


@pytest.mark.parametrize("body", [b"", b"text", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_publish_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)
