"""What SNS and SMN send, read."""

import json
from typing import Any

import pytest

from sluice_smn.envelope import SMN, SNS, Envelope, Unreadable, attributes_text, read
from tests.smn import TOPIC, URN, Signer

SIGNER = Signer()


def of(fields: dict[str, Any]) -> Envelope:
    return read(json.dumps(fields).encode())


def test_a_notification_of_sns_is_read() -> None:
    told = of(SIGNER.notification("disk full", "m-1", Subject="host-3", Timestamp="2026-03-02T07:11:40.655Z"))
    assert (told.dialect, told.type, told.topic) == (SNS, "Notification", TOPIC)
    notice = told.notice()
    assert (notice.id, notice.message, notice.subject, notice.time) == ("m-1", b"disk full", "host-3", "2026-03-02T07:11:40.655Z")
    assert notice.time_ms == 1_772_435_500_655


def test_a_notification_of_smn_is_read() -> None:
    told = of(SIGNER.smn("disk full", "m-1"))
    assert (told.dialect, told.type, told.topic, told.notice().message) == (SMN, "Notification", URN, b"disk full")


def test_the_signed_text_is_names_and_values_in_order_without_a_subject_that_is_not_there() -> None:
    fixed = {"Timestamp": "2026-03-02T07:11:40Z"}
    with_subject = of(SIGNER.notification("hi", "m-1", Subject="s", **fixed)).signed()
    assert with_subject == (
        b"Message\nhi\nMessageId\nm-1\nSubject\ns\nTimestamp\n2026-03-02T07:11:40Z\nTopicArn\n" + TOPIC.encode() + b"\nType\nNotification\n"
    )
    assert b"Subject" not in of(SIGNER.notification("hi", "m-1", **fixed)).signed()


def test_the_signed_text_of_a_confirmation_has_its_address_and_its_token() -> None:
    signed = of(SIGNER.confirmation("https://a.example/?c", Timestamp="2026-03-02T07:11:40Z")).signed().decode().split("\n")
    assert signed[::2] == ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type", ""]
    assert "https://a.example/?c" in signed


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[]", b'"text"', b"\xff", b'{"Type": "Notification"}', b'{"Type": 1}', b"[" * 100_000, b'{"Message": "\\ud800"}'],
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@pytest.mark.parametrize("changes", [{"MessageId": ""}, {"MessageId": "x" * 129}, {"Timestamp": "soon"}, {"Timestamp": ""}])
def test_a_message_has_an_id_and_a_time(changes: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        of(SIGNER.notification("hi", "m-1", **changes))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, ""),
        ({}, ""),
        ([], ""),
        ("", ""),
        ({"a": {"Type": "String", "Value": "x"}, "n": {"Type": "Number", "Value": "1"}}, '{"a":"x","n":"1"}'),
        ({"l": {"Type": "String.Array", "Value": '["x", 1]'}}, '{"l":["x",1]}'),
        ({"l": {"Type": "String.Array", "Value": "[broken"}}, '{"l":"[broken"}'),
        ({"severity": "info"}, '{"severity":"info"}'),
        ([{"name": "a", "type": "STRING", "value": "x"}, {"name": "l", "type": "STRING_ARRAY", "value": ["y"]}], '{"a":"x","l":["y"]}'),
    ],
)
def test_attributes_are_told_by_name_and_value(given: Any, text: str) -> None:
    assert attributes_text(given) == text
