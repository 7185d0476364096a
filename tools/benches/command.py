"""The command: which rows, how often, and where the results go."""

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tools.benches import (
    backlog,
    cold,
    dis,
    eventgrid,
    http,
    idle,
    invoke,
    kafka,
    lone,
    lts,
    machine,
    mongo,
    mqtt,
    obs,
    page,
    plot,
    pushed,
    rabbitmq,
    registry,
    rocketmq,
    smn,
    timers,
    words,
)
from tools.benches.figure import Row
from tools.benches.setting import ROOT, Missing, Setting

ROWS: dict[str, Callable[[Setting], Row]] = {
    "kafka": kafka.one_process,
    "mesh": kafka.mesh,
    "batch": kafka.batches,
    "rabbitmq": rabbitmq.row,
    "mqtt": mqtt.row,
    "mongo": mongo.row,
    "dis": dis.row,
    "eventgrid": eventgrid.row,
    "smn": smn.row,
    "cts": pushed.row_of("cts"),
    "lts": lts.row,
    "rocketmq": rocketmq.row,
    "obs": pushed.row_of("obs"),
    "obs-queue": obs.row,
    "http": http.row,
    "invoke": invoke.row,
    "lone": lone.one_process,
    "lone-mesh": lone.mesh,
    "cold": cold.row,
    "backlog": backlog.row,
    "timers": timers.row,
    "registry": registry.row,
    "idle": idle.one_process,
    "idle-mesh": idle.mesh,
}
"""In the order of the table."""

NARROWEST = 130
OUT = ROOT / "bench-out"
PAGE = ROOT / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench.py", description="Measures what Sluice promises and prints a table.")
    parser.add_argument("--rows", help=f"some of {','.join(ROWS)} (default: all)", type=_names, default=list(ROWS))
    parser.add_argument("--runs", help="how often each figure is taken", type=int)
    parser.add_argument("--quick", help="once, and small: shows that everything works, not how fast", action="store_true")
    parser.add_argument("--publish", help="write the table and the plot into docs/performance.md", action="store_true")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(ROWS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}")
    return names


def main() -> int:
    """The exit status: 1 if a row failed. A figure that was missed is no failure."""
    chosen = arguments()
    console = Console(width=max(NARROWEST, Console().width))
    runs = chosen.runs or (1 if chosen.quick else 3)
    with Setting(runs, chosen.quick) as setting:
        rows = [_measured(name, setting, console) for name in chosen.rows]
    described = machine.describe()
    console.print(_table(rows, f"{described}; median of {runs}"))
    _write(rows, described, runs)
    if chosen.publish:
        _publish(rows, described, runs)
    return int(any(row.failed for row in rows))


def _measured(name: str, setting: Setting, console: Console) -> Row:
    began = time.monotonic()
    console.print(f"{name} ...", end=" ")
    try:
        row = ROWS[name](setting)
    except Missing as reason:
        row = Row(name, name, skipped=str(reason))
    except Exception as fault:  # the other rows are still worth their time; the command fails in the end
        console.print_exception(max_frames=4)
        row = Row(name, name, failed=f"{type(fault).__name__}: {fault}")
    console.print(row.skipped or row.failed or f"{time.monotonic() - began:.0f} s")
    return row


def _table(rows: list[Row], caption: str) -> Table:
    table = Table(caption=caption)
    for heading in words.HEADINGS:
        table.add_column(heading, justify="right" if heading in words.HEADINGS[2:5] else "left")
    for row in rows:
        for line in words.lines(row):
            table.add_row(*line, style="red" if line[-1] in ("missed", "failed") else None)
        table.add_section()
    return table


def _write(rows: list[Row], described: str, runs: int) -> None:
    OUT.mkdir(exist_ok=True)
    content = {"machine": described, "at": int(time.time()), "runs": runs, "rows": rows}
    (OUT / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    plot.draw(rows, OUT / "bench.svg")


def _publish(rows: list[Row], described: str, runs: int) -> None:
    shutil.copy(OUT / "bench.svg", PAGE.with_name("performance.svg"))
    parts = {
        "machine": f"{described}. Median of {runs} runs.",
        "table": words.markdown(rows),
        "plot": f"![what is reached of each bound]({Path('performance.svg')})",
        "notes": words.notes(rows),
    }
    PAGE.write_text(page.replaced(PAGE.read_text(), parts))
