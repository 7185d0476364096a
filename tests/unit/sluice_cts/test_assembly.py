"""Records put together to events."""

from sluice_cts.assembly import MOST_LINES, MOST_OPEN, Assembly
from tests.unit.sluice_cts.audit_samples import END, LOGIN, OPEN


def types(events: list[list[object]]) -> list[list[str]]:
    return [[record.type for record in event] for event in events]  # type: ignore[attr-defined]  # AuditLines


def test_an_event_is_whole_at_its_end() -> None:
    assembly = Assembly()
    assert [assembly.add(line) for line in OPEN] == [[]] * len(OPEN)
    assert types(list(assembly.add(END))) == [["SYSCALL", "CWD", "PATH", "PATH", "PROCTITLE"]]  # type: ignore[arg-type]
    assert (assembly.held, assembly.flush()) == ([], [])


def test_records_of_two_events_may_be_mixed_and_a_program_waits_for_nothing() -> None:
    other = OPEN[0].replace(b":24287", b":24289")
    assembly = Assembly()
    for line in (OPEN[0], other, OPEN[1]):
        assert assembly.add(line) == []
    assert types(list(assembly.add(LOGIN))) == [["USER_LOGIN"]]  # type: ignore[arg-type]
    assert types(list(assembly.add(END))) == [["SYSCALL", "CWD"]]  # type: ignore[arg-type]
    assert types(list(assembly.flush())) == [["SYSCALL"]]  # type: ignore[arg-type]


def test_who_keeps_what_is_held_goes_on_with_it() -> None:
    before = Assembly()
    for line in OPEN[:2]:
        before.add(line)
    after = Assembly(before.held)
    assert types(list(after.add(END))) == [["SYSCALL", "CWD"]]  # type: ignore[arg-type]


def test_what_is_held_is_bounded_and_nothing_is_dropped_for_it() -> None:
    assembly = Assembly()
    whole = [event for number in range(MOST_OPEN + 5) for event in assembly.add(OPEN[0].replace(b":24287", b":%d" % number))]
    assert [event[0].event.rpartition(":")[2] for event in whole] == ["0", "1", "2", "3", "4"]
    assert len(assembly.held) == MOST_OPEN
    assembly = Assembly()
    for _ in range(MOST_LINES + 5):
        assembly.add(OPEN[1])
    assert len(assembly.held) == MOST_LINES


def test_a_line_that_is_no_record_is_passed_over() -> None:
    assert Assembly().add(b"rubbish") == []
    assert Assembly().add(END) == []
