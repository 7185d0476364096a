"""A registry of ten thousand functions and thirty thousand triggers: how fast it starts, lists a page, and tells of a change."""

import asyncio
import json
import statistics
import time
from functools import partial
from pathlib import Path

import msgspec

from sluice_control.registry import Edit, TriggerRow, VersionRow, View
from sluice_control.registry_sqlite.registry import SqliteRegistry
from tests.e2e.driver import Sluice
from tools.benches.figure import Row, at_most, figure
from tools.benches.processes import used_s
from tools.benches.setting import ANSWER, Setting, make_function, tree

FUNCTIONS = 10_000
TRIGGERS_EACH = 3
AT_ONCE = 500
"""Functions written in one transaction."""
PAGES = 30
CHANGES = 30
TIMER = {"name": "tick", "schedule_type": "Rate", "schedule": "30d"}
NOTE = (
    "The rows are copies of a function and its timer that were made by requests, written into the registry's file by its own code. A start "
    "is from the command to the first answer of the list of triggers. A page is 400 functions. A change is a trigger created, or paused, "
    "by a request: it is answered when the services that watch have reported it."
)


def row(setting: Setting) -> Row:
    functions = setting.scaled(FUNCTIONS, 500)
    data = setting.scratch / "registry" / "data"
    data.parent.mkdir()
    with setting.sluice(data=data) as sluice:
        urn = make_function(sluice, "first", setting.compiled(ANSWER))
        sluice.trigger(urn, "TIMER", TIMER)
    asyncio.run(fill(data / "control" / "registry.db", functions))
    starts, started, pages, created, paused, sizes = [], [], [], [], [], []
    for _ in range(setting.runs):
        began = time.perf_counter()
        with setting.sluice(data=data) as sluice:
            starts.append(time.perf_counter() - began)
            started.append(used_s({}, tree(sluice).cpu()))
            pages.append(statistics.median(_listed(sluice, number * (functions - 400) // PAGES) for number in range(PAGES)))
            both = [_changed(sluice, urn, number) for number in range(setting.scaled(CHANGES, 5))]
            created.append(statistics.median(one for one, _ in both))
            paused.append(statistics.median(other for _, other in both))
            sizes.append(sum(tree(sluice).resident_mib().values()))
    figures = (
        figure("start", "s", starts, at_most(3)),
        figure("processor time of a start", "s", started),
        figure("a page of the list, p50", "ms", pages, at_most(20)),
        figure("a new trigger is with its service after, p50", "ms", created, at_most(100)),
        figure("a paused trigger is with its service after, p50", "ms", paused, at_most(100)),
        figure("resident", "MiB", sizes),
    )
    return Row("registry", "registry of 10,000 functions and 30,000 triggers, one process", figures, NOTE)


def _listed(sluice: Sluice, marker: int) -> float:
    """Milliseconds until the answer is there."""
    began = time.perf_counter()
    status, page = sluice.send("GET", f"/v2/{sluice.project}/fgs/functions?maxitems=400&marker={marker}")
    took = (time.perf_counter() - began) * 1000
    assert (status, len(json.loads(page)["functions"])) == (200, 400), (status, marker)
    return took


def _changed(sluice: Sluice, urn: str, number: int) -> tuple[float, float]:
    """Milliseconds to create a trigger and to pause it; it is deleted again."""
    began = time.perf_counter()
    trigger = sluice.trigger(urn, "TIMER", {**TIMER, "name": f"more-{number}"})
    made = time.perf_counter()
    sluice.api("PUT", f"/fgs/triggers/{urn}/TIMER/{trigger}", {"trigger_status": "DISABLED"})
    paused = time.perf_counter()
    sluice.api("DELETE", f"/fgs/triggers/{urn}/TIMER/{trigger}")
    return (made - began) * 1000, (paused - made) * 1000


async def fill(file: Path, functions: int) -> None:
    """Copies of the only function and its trigger, while no Sluice runs on the file."""
    registry = SqliteRegistry(file)
    version, trigger = _models(registry.view)
    for first in range(0, functions, AT_ONCE):
        await registry.change(partial(_copy, version, trigger, range(first, first + AT_ONCE)))
    await registry.close()


def _models(view: View) -> tuple[VersionRow, TriggerRow]:
    rows = list(view.everything())
    (version,) = (one for one in rows if isinstance(one, VersionRow))
    (trigger,) = (one for one in rows if isinstance(one, TriggerRow))
    return version, trigger


def _copy(version: VersionRow, trigger: TriggerRow, numbers: range, edit: Edit) -> None:
    like = version.function
    for number in numbers:
        function = edit.add_function(like.project, like.package, f"copy-{number}", like.created_ms)
        edit.put_version(msgspec.structs.replace(version, function=function))
        for each in range(TRIGGERS_EACH):
            name, identity = f"tick-{each}", f"{number:012x}{each:04x}{trigger.id[16:]}"
            edit.put_trigger(msgspec.structs.replace(trigger, id=identity, function=function, name=name))
