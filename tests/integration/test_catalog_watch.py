"""What 50 clients change at once reaches every watch, in order, over lost connections too."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.host.follow import follow
from sluice.status import Check
from sluice.wire.catalog_client import RemoteCatalog
from sluice.wire.catalog_server import CatalogService
from sluice.wire.peer import Peer
from sluice.wire.server import WireServer
from sluice_control.control import Control
from tests.integration.test_wire_cuts import PACE, Cutter
from tests.unit.sluice_control.client import Client, function_body
from tests.unit.sluice_control.fakes import KINDS, FakeLogs, FakeRecords
from tests.waiting import until

CLIENTS = 50
EACH = 30
CUTS = 3


async def changes(api: Client, number: int) -> None:
    """What one client does to names that it shares with the others."""
    chance = random.Random(number)
    for _ in range(EACH):
        name = f"shared-{chance.randrange(12)}"
        one = f"/v2/{{p}}/fgs/functions/{name}"
        match chance.choice(("create", "update", "instances", "publish", "trigger", "delete")):
            case "create":
                await api("POST", "/v2/{p}/fgs/functions", function_body(name))
            case "update":
                memory = chance.choice((128, 256, 512))
                await api("PUT", f"{one}/config", function_body(name, memory_size=memory, package=None, func_code=None, code_type=None))
            case "instances":
                await api("PUT", f"{one}/config-max-instance", {"max_instance_num": chance.randrange(1, 1000)})
            case "publish":
                await api("POST", f"{one}/versions", {})
            case "trigger":
                timer = {"name": f"tick-{chance.randrange(9)}", "schedule_type": "Rate", "schedule": "10m"}
                await api("POST", f"/v2/{{p}}/fgs/triggers/{name}", {"trigger_type_code": "TIMER", "event_data": timer})
            case _:
                await api("DELETE", one)


async def collect(control: Control, keep: Callable[[Change], None]) -> None:
    async for change in control.watch("collector", frozenset({"timer"})):
        keep(change)


def _has_come(kept: list[Change], number: int, changing: "asyncio.Future[list[None]]") -> bool:
    return len(kept) > number or changing.done()


def same(one: Snapshot, other: Snapshot) -> bool:
    return (one.functions, one.bindings, one.aliases) == (other.functions, other.bindings, other.aliases)


async def test_changes_reach_the_watches_in_order_and_none_is_lost_over_a_reconnect(tmp_path: Path) -> None:
    async def nothing() -> list[Check]:
        return []

    cutter = Cutter(f"{tmp_path}/far")
    async with (
        Control(tmp_path / "data", KINDS, SystemClock()) as control,
        await cutter.serve(f"{tmp_path}/near"),
        WireServer(f"unix:{tmp_path}/far", [CatalogService(control, PACE)]),
    ):
        remote, mirror, kept = RemoteCatalog(Peer(f"unix:{tmp_path}/near"), PACE), Snapshot(), list[Change]()
        watching = [
            asyncio.create_task(follow(remote, "mirror", frozenset({"timer"}), mirror)),
            asyncio.create_task(collect(control, kept.append)),
        ]
        await until(lambda: kept and control.watchers.services().keys() >= {"mirror"})
        first = kept[-1].generation
        api = Client(control.api(FakeRecords(), FakeLogs(), nothing), control.project)
        changing = asyncio.gather(*(changes(api, number) for number in range(CLIENTS)))
        for cut in range(1, CUTS + 1):
            await until(partial(_has_come, kept, 200 * cut, changing), 30)
            cutter.cut()
        await changing
        last = control.view.generation()
        await until(lambda: mirror.generation == last == kept[-1].generation, 20)
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await remote.close()
    told = [change.generation for change in kept]
    assert told == sorted(told)
    assert {change.generation for change in kept if change.synced} == set(range(first, last + 1))
    whole = Snapshot()
    for change in kept:
        whole.apply(change)
    assert last - first > 200
    assert same(mirror, whole)
