"""What is taken for a notification."""

import pytest

from sluice_obs.notification import NotANotification, parse
from tests.s3 import TEST_EVENT, in_envelope, told, whole


def test_records_come_bare_and_in_an_envelope() -> None:
    text = whole(told("a"), told("b"))
    assert [one.s3.thing.key for one in parse(text)] == ["a", "b"]
    assert parse(in_envelope(text)) == parse(text) == parse(text.decode())


def test_a_test_event_tells_nothing() -> None:
    assert parse(TEST_EVENT) == parse(in_envelope(TEST_EVENT)) == parse(b'{"Records": []}') == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no S3 notification"),
        (b"\xff\x00", "no S3 notification"),
        (b"[]", "no S3 notification"),
        (b"{}", "has no Records"),
        (b'{"Records": [{"eventName": "x"}]}', "s3"),
        (b'{"Records": [{"eventName": 1}]}', "eventName"),
        (b'{"Event": "s3:Other"}', "has no Records"),
        (b'{"Type": "SubscriptionConfirmation", "Message": "m"}', "SNS SubscriptionConfirmation"),
        (b'{"Type": "Notification", "Message": "hello"}', "no S3 notification"),
        (in_envelope(in_envelope(b"{}")), "SNS Notification"),
        (b'{"Records":' + b"[" * 100_000, "no S3 notification"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: bytes, said: str) -> None:
    with pytest.raises(NotANotification, match=said):
        parse(text)
