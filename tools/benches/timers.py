"""A hundred thousand timers: `tools.benches.timer_load` in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from tools.benches.figure import Row, at_least, at_most, figure
from tools.benches.setting import ROOT, Setting

MOST_ROUNDS = 4
"""So many bursts can be made of the timers that are idle."""
WITHIN_S = 300.0
NOTE = (
    "Supervisor, timer kind, dispatcher and ledger in one process without control and gateway: creating 100,000 triggers by requests "
    "is over the limits of a project. The function answers at once. All schedules have whole seconds, so 1,000 fires are due at the "
    "same instant; the error is from there to the commit, and to the call, which a second commit precedes (a timer runs at most once)."
)


def row(setting: Setting) -> Row:
    rounds = min(setting.runs, MOST_ROUNDS)
    command = [sys.executable, "-m", "tools.benches.timer_load", str(setting.scratch / "timers"), str(rounds)]
    done = subprocess.run([*command, str(setting.scaled(10, 4))], cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return _row(json.loads(done.stdout))


def _row(measured: dict[str, Any]) -> Row:
    def of(name: str) -> list[float]:
        return [each[name] for each in measured["rounds"]]

    figures = (
        figure("p99 error of the fire at 1,000 fires/s", "ms", of("accepted_p99_ms"), at_most(50)),
        figure("p99 error of the call at 1,000 fires/s", "ms", of("called_p99_ms")),
        figure("10,000 due in one second accepted after", "s", of("accepted_s"), at_most(1)),
        figure("processor time a fire", "µs", of("a_fire_us")),
        figure("fires in order", "1 = all", of("in_order"), at_least(1)),
        figure("resident", "MiB", [measured["resident_mib"]], at_most(250)),
        figure("all of them ready after", "s", [measured["ready_s"]]),
    )
    return Row("timers", "100,000 timers", figures, NOTE)
