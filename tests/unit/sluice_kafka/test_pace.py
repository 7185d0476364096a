"""When a read waits for company."""

from sluice_kafka.pace import FULL, PAUSE_S, WINDOW_S, Pace


def test_a_lone_record_waits_for_nothing() -> None:
    pace = Pace()
    assert [pace.pause(second, 1) for second in range(1, 10)] == [0.0] * 9


def test_a_small_burst_waits_for_nothing() -> None:
    pace = Pace()
    assert not any(pace.pause(1 + step / 1000, 5) for step in range(10))


def test_a_stream_of_small_reads_waits() -> None:
    pace = Pace()
    pauses = [pace.pause(1 + step / 1000, 20) for step in range(50)]
    assert pauses[-1] == PAUSE_S


def test_a_full_read_does_not_wait() -> None:
    pace = Pace()
    assert not any(pace.pause(1 + step / 1000, FULL) for step in range(50))


def test_a_stream_that_ends_is_forgotten() -> None:
    pace = Pace()
    for step in range(50):
        pace.pause(1 + step / 1000, 20)
    assert pace.pause(2 + 10 * WINDOW_S, 1) == 0.0
