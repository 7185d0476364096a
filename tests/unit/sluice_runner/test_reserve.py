"""From the catalog's reservations to what the runner is told to keep."""

import asyncio

from sluice.catalog import Change, Snapshot
from sluice.clock import SteppedClock
from sluice.function import Alias, Function
from sluice.reservation import Reservation, ReservedSchedule, ReservedUse
from sluice_runner.reserve import Reserve
from tests.waiting import until

BASE = "urn:fss:r:p:function:default:one"


class Told:
    """A runner that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.running = 0

    def reserve(self, function: Function, count: int) -> None:
        self.calls.append((function.urn.rpartition(":")[2], function.generation, count))

    def busy(self, function: Function) -> int:
        return self.running


def catalog(*changes: Change) -> Snapshot:
    snapshot = Snapshot()
    for change in changes:
        snapshot.apply(change)
    return snapshot


def version(name: str, generation: int = 1) -> Change:
    return Change(1, function=Function(f"{BASE}:{name}", generation=generation))


def reserved(name: str, count: int, **more: object) -> Change:
    return Change(1, reservation=Reservation(f"{BASE}:{name}", count, **more))  # type: ignore[arg-type]


def test_a_version_is_kept_by_itself_and_by_its_alias() -> None:
    told = Told()
    alias = Change(1, alias=Alias(f"{BASE}:!live", "v1"))
    snapshot = catalog(version("latest"), version("v1"), version("v2"), alias, reserved("latest", 1), reserved("!live", 2))
    reserve = Reserve(snapshot, told, SteppedClock())
    reserve.look()
    reserve.look()
    assert told.calls == [("latest", 1, 1), ("v1", 1, 2)]
    told.calls.clear()
    snapshot.apply(Change(2, alias=Alias(f"{BASE}:!live", "v2")))
    reserve.look()
    assert told.calls == [("v1", 1, 0), ("v2", 1, 2)]


def test_a_new_generation_is_told_and_what_goes_is_let_go() -> None:
    told = Told()
    snapshot = catalog(version("latest"), reserved("latest", 2))
    reserve = Reserve(snapshot, told, SteppedClock())
    reserve.look()
    snapshot.apply(version("latest", 2))
    reserve.look()
    snapshot.apply(Change(3, removed=f"reservation:{BASE}:latest"))
    reserve.look()
    assert told.calls == [("latest", 1, 2), ("latest", 2, 2), ("latest", 2, 0)]


def test_a_reservation_of_what_is_not_there_keeps_nothing() -> None:
    told = Told()
    Reserve(catalog(reserved("v9", 2), reserved("!gone", 2)), told, SteppedClock()).look()
    assert told.calls == []


def test_the_clock_and_the_use_decide_each_time() -> None:
    told, clock = Told(), SteppedClock()
    fires = ReservedSchedule("@every 60s", 4, clock.time(), clock.time() + 3600)
    snapshot = catalog(version("latest"), reserved("latest", 1, schedules=(fires,), uses=(ReservedUse(50, 0),)))
    reserve = Reserve(snapshot, told, clock)
    for step in (0, 60, 0, 3600):
        clock.advance(step)
        reserve.look()
    told.running = 3
    reserve.look()
    assert [count for _, _, count in told.calls] == [1, 4, 1, 6]


async def test_a_change_of_the_catalog_is_followed_at_once() -> None:
    told, snapshot = Told(), catalog(version("latest"))
    task = asyncio.create_task(Reserve(snapshot, told, SteppedClock()).run())
    await asyncio.sleep(0)
    snapshot.apply(reserved("latest", 2))
    await until(lambda: told.calls == [("latest", 1, 2)])
    snapshot.apply(version("latest", 2))
    await until(lambda: told.calls[1:] == [("latest", 2, 2)], within_s=0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
