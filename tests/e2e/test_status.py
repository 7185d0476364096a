"""What an operator reads at the door: metrics and `sluice doctor`, in one process and as a mesh, and with a service dead."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import running_sluice
from tests.e2e.driver import FUNCTIONS, Sluice

WITHIN_S = 30.0
AT_ONCE_S = 4.0
"""A scrape is given up after 10 s."""
Figures = dict[tuple[str, tuple[str, ...]], float]


def figures(sluice: Sluice) -> Figures:
    status, text = sluice.get("/metrics")
    assert status == 200
    families = text_string_to_metric_families(text.decode())
    return {(sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples}


def checks(sluice: Sluice) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in sluice.ours("/doctor")["checks"]}


def eventually(read: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not wanted(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def ended(trigger: str) -> tuple[str, tuple[str, ...]]:
    return "sluice_events_ended_total", (trigger, "success")


def test_the_door_exports_the_events_of_every_trigger(sluice: Sluice, make_function: Callable[..., str]) -> None:
    trigger = sluice.trigger(make_function(), "TIMER", {"name": "often", "schedule_type": "Cron", "schedule": "@every 1s"})
    found = eventually(lambda: figures(sluice), lambda seen: seen.get(ended(trigger), 0) >= 2)
    open_events = found["sluice_events_pending", (trigger,)] + found["sluice_events_running", (trigger,)]
    lost = sum(found["sluice_events_ended_total", (trigger, end)] for end in ("failed", "discarded"))
    assert found["sluice_events_received_total", (trigger,)] == found[ended(trigger)] + lost + open_events
    assert found.get(("sluice_dispatcher_up", ()), 1) == 1


def test_doctor_looks_at_the_same_things_in_one_process_and_as_a_mesh(sluice: Sluice) -> None:
    found = checks(sluice)
    assert {
        "engine",
        "runtimes",
        "data hidden from functions",
        "ledger",
        "disk",
        "listening",
        "kinds",
        "registry",
        "watchers",
    } <= found.keys()
    well = {"ledger", "disk", "listening"} | ({"dispatcher", "runner", "gateway"} if sluice.mesh else set())
    assert {name for name in well if not found[name]} == set()


@pytest.fixture(scope="module")
def mesh() -> Iterator[Sluice]:
    with running_sluice(mesh=True) as running:
        yield running


@pytest.mark.parametrize("service", ["dispatcher", "runner"])
def test_a_service_that_stands_still_is_shown_as_such(mesh: Sluice, service: str) -> None:
    mesh.signal_service(service, signal.SIGSTOP)
    try:
        found = eventually(lambda: checks(mesh), lambda seen: not seen[service])
        assert ("ledger" in found, "engine" in found) == (service != "dispatcher", service != "runner")
    finally:
        mesh.signal_service(service, signal.SIGCONT)
    assert eventually(lambda: checks(mesh), lambda seen: seen[service])


def test_figures_of_a_dispatcher_that_stands_still_are_absent_and_soon(mesh: Sluice) -> None:
    mesh.signal_service("dispatcher", signal.SIGSTOP)
    try:
        shown = eventually(lambda: figures(mesh), lambda seen: seen["sluice_dispatcher_up", ()] == 0)
        assert not [name for name, _ in shown if name.startswith("sluice_events_")]
        began = time.monotonic()
        figures(mesh)
        assert time.monotonic() - began < AT_ONCE_S
    finally:
        mesh.signal_service("dispatcher", signal.SIGCONT)
    eventually(lambda: figures(mesh), lambda seen: seen["sluice_dispatcher_up", ()] == 1)


def test_a_kind_that_is_needed_and_dead_is_a_fault(mesh: Sluice) -> None:
    urn = mesh.function("daily", FUNCTIONS / "witness")
    assert "timer" not in checks(mesh)
    mesh.trigger(urn, "TIMER", {"name": "daily", "schedule_type": "Rate", "schedule": "1d"})
    assert checks(mesh)["timer"]
    for _ in range(3):  # each time it is started again later
        mesh.kill_service("timer")
    eventually(lambda: checks(mesh), lambda seen: not seen["timer"])
    assert eventually(lambda: checks(mesh), lambda seen: seen["timer"])
