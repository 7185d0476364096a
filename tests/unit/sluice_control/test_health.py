"""How triggers are, as control keeps it."""

from sluice.catalog import Health
from sluice_control.health import HealthBoard


def test_a_report_that_comes_after_its_trigger_was_removed_is_not_kept_for_ever() -> None:
    board = HealthBoard()
    board.report([Health("gone", "kafka", "running"), Health("here", "kafka", "running")], now=1_000.0)
    board.forget("gone")
    board.report([Health("gone", "kafka", "running")], now=1_001.0)
    for minute in range(12):
        now = 1_000.0 + 60 * minute
        board.report([Health("here", "kafka", "running")], now)
        assert board.of("here", now).state == "running"
    assert len(board) == 1
