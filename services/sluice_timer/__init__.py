"""The timer kind: schedules as FunctionGraph's TIMER triggers."""

from sluice_timer.kind import KIND, timer_kind

__all__ = ["KIND", "timer_kind"]
