"""A call under way."""

from collections.abc import Callable

from sluice.runner import Call, Done
from sluice_runner.connection import Connection, Ending
from sluice_runner.live import LiveInstance


class Run:
    """From `submit` to the reply. `live` is there from `begun` on; `ended` is what its connection calls."""

    __slots__ = ("_answered", "begun", "call", "done", "live", "started_at", "written")
    live: "LiveInstance[Run]"

    def __init__(self, call: Call, done: Done, answered: "Callable[[Run, Connection, Ending], None]") -> None:
        self.call = call
        self.done = done
        self.started_at = 0.0
        self.begun = False
        self.written = False
        self._answered = answered

    def ended(self, connection: Connection, ending: Ending) -> None:
        self._answered(self, connection, ending)
