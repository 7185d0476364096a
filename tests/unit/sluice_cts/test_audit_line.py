"""Lines of the Linux audit log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_cts.audit_line import parsed
from tests.unit.sluice_cts.audit_samples import LOGIN, OPEN


def test_a_record_of_the_kernel_has_its_fields() -> None:
    record = parsed(OPEN[0])
    assert record is not None
    assert (record.type, record.event, record.at_s) == ("SYSCALL", "1772435500.120:24287", 1772435500)
    assert (record.fields["comm"], record.fields["exe"], record.fields["success"], record.fields["AUID"]) == (
        "cat",
        "/bin/cat",
        "no",
        "alice",
    )


def test_what_is_in_hexadecimal_is_shown_as_what_it_is() -> None:
    record = parsed(b"type=PROCTITLE msg=audit(1772435500.120:24287): proctitle=636174002F6574632F736861646F77")
    assert record is not None
    assert record.fields == {"proctitle": "cat /etc/shadow"}
    number = parsed(b"type=SYSCALL msg=audit(1.000:1): pid=1234 a0=7FFE comm=BEEF")
    assert number is not None
    assert (number.fields["pid"], number.fields["a0"]) == ("1234", "7FFE")


def test_a_record_of_a_program_has_the_fields_of_its_message() -> None:
    record = parsed(LOGIN)
    assert record is not None
    assert (record.fields["op"], record.fields["acct"], record.fields["res"], record.fields["terminal"]) == (
        "login",
        "alice",
        "failed",
        "ssh",
    )
    assert record.fields["hostname"] == ""


def test_a_node_is_a_part_of_the_events_name() -> None:
    record = parsed(b"node=web1 type=EOE msg=audit(1.000:7): ")
    assert record is not None
    assert record.event == "web1/1.000:7"


@pytest.mark.parametrize("line", [b"", b"x", b"type=SYSCALL", b"type=SYSCALL msg=audit(soon): a=b", b"\xff\xfe"])
def test_what_is_no_record_is_none(line: bytes) -> None:
    assert parsed(line) is None


@given(st.binary())
def test_whatever_stands_in_a_record_is_read(rest: bytes) -> None:
    assert parsed(b"type=X msg=audit(1.000:1): " + rest) is not None
