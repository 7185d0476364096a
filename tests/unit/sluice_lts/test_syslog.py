"""Syslog messages as their programs send them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sluice_lts.log import Log
from sluice_lts.syslog import parse

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone(timedelta(hours=1)))


def parsed(message: bytes) -> Log:
    return parse(message, "192.0.2.9", 7, NOW)


def ms(*moment: int, zone: Any = UTC) -> int:
    return int(datetime(*moment, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc,arg-type]


def test_a_message_of_rfc_5424_is_taken_apart() -> None:
    log = parsed(
        b"<165>1 2026-03-02T10:00:00.123Z host.example evntslog 1370 ID47 "
        b'[exampleSDID@32473 iut="3" eventSource="a \\"b\\" \\] \\\\"][other@1] \xef\xbb\xbfAn event \xe2\x98\x83'
    )
    assert (log.time, log.host_name, log.ip, log.line_no) == (ms(2026, 3, 2, 10) + 123, "host.example", "192.0.2.9", 7)
    assert (log.message, log.severity) == ("An event ☃", "notice")
    assert log.attributes == {
        "facility": "local4",
        "app_name": "evntslog",
        "proc_id": "1370",
        "msg_id": "ID47",
        "structured_data": {"exampleSDID@32473": {"iut": "3", "eventSource": 'a "b" ] \\'}, "other@1": {}},
    }


def test_what_rfc_5424_leaves_out_is_left_out() -> None:
    log = parsed(b"<14>1 - - - - - -")
    assert (log.time, log.host_name, log.message, log.attributes) == (0, "", "", {"facility": "user"})
    assert parsed(b"<14>1 - - - - - - text").message == "text"


def test_a_message_of_rfc_3164_is_of_this_year_and_zone() -> None:
    log = parsed(b"<34>Mar  2 11:59:01 mymachine su[42]: 'su root' failed")
    assert log.time == ms(2026, 3, 2, 11, 59, 1, zone=NOW.tzinfo)
    assert (log.host_name, log.message, log.severity) == ("mymachine", "'su root' failed", "crit")
    assert log.attributes == {"facility": "auth", "app_name": "su", "proc_id": "42"}


def test_one_that_would_be_in_the_future_is_of_last_year() -> None:
    assert parsed(b"<34>Dec 31 23:59:59 h a: x").time == ms(2025, 12, 31, 23, 59, 59, zone=NOW.tzinfo)


def test_a_whole_time_may_stand_in_the_place_of_the_old_one() -> None:
    log = parsed(b"<13>2026-03-02T10:00:00+01:00 vm1 app: text")
    assert (log.time, log.host_name, log.message) == (ms(2026, 3, 2, 9), "vm1", "text")


@pytest.mark.parametrize(
    ("message", "host", "app", "text"),
    [
        (b"<13>Mar  2 11:59:01 app: text", "", "app", "text"),
        (b"<13>app[1]: text", "", "app", "text"),
        (b"<13>Mar  2 11:59:01 vm1 just some words", "", "", "vm1 just some words"),
        (b"<13>just some words", "", "", "just some words"),
        (b"<13>", "", "", ""),
        (b"<13>Feb 30 11:59:01 vm1 app: text", "", "", "vm1 app: text"),
        (b"<13>1 yesterday h a p m - text", "", "", "1 yesterday h a p m - text"),
        (b"<13>1 2026-03-02T10:00:00Z h a p m [broken text", "", "", "1 2026-03-02T10:00:00Z h a p m [broken text"),
    ],
)
def test_what_is_missing_is_missing(message: bytes, host: str, app: str, text: str) -> None:
    log = parsed(message)
    assert (log.host_name, log.attributes.get("app_name", ""), log.message, log.severity) == (host, app, text, "notice")


@pytest.mark.parametrize("message", [b"", b"no priority", b"<192>too high", b"<>x", b"<1234>x", b"< 13>x"])
def test_what_has_no_form_is_a_text(message: bytes) -> None:
    log = parsed(message)
    assert (log.message, log.severity, log.time) == (message.decode(), "", 0)


def test_bytes_that_are_not_utf_8_are_base64() -> None:
    assert parsed(b"<13>app: \xff").message == "data:application/octet-stream;base64,/w=="
