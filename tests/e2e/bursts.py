"""A burst for a function that takes nothing: how far it is let in."""

import json
import time

from tests.e2e.driver import Sluice, Witness

WITHIN_S = 60.0
MOST_MIB = 150.0
"""Of each service, whatever waits."""


def begin_small(sluice: Sluice) -> None:
    """One process is all services together, and has what earlier tests made it fetch: what is asked is what a burst adds to a start."""
    if not sluice.mesh:
        sluice.stop()
        sluice.start()


def set_instances(sluice: Sluice, urn: str, instances: int, **more: str) -> None:
    """0: the function takes nothing. `more` are other settings of it."""
    strategy = {"concurrency": instances, "concurrent_num": 16}
    content = {"func_name": urn.rpartition(":")[2], "runtime": "Custom Image", "handler": "-", "timeout": 30, "memory_size": 128}
    sluice.api("PUT", f"/fgs/functions/{urn}/config", {**content, "strategy_config": strategy, **more})


def awaken(sluice: Sluice, urn: str, witness: Witness) -> None:
    """A function that took its time answers at once from now on."""
    set_instances(sluice, urn, 2, user_data=json.dumps({**witness.environment, "DELAY_MS": "0"}))


def await_open(sluice: Sluice, trigger: str, number: int) -> dict[str, int]:
    """Until so many events are open, and for a moment longer: nothing more may come."""
    deadline = time.monotonic() + WITHIN_S
    while (row := sluice.counts(trigger))["open"] < number:
        assert time.monotonic() < deadline, row
        time.sleep(0.1)
    for _ in range(20):
        row = sluice.counts(trigger)
        assert row["open"] == number, row
        time.sleep(0.05)
    return row


def assert_small(sluice: Sluice) -> None:
    resident = sluice.resident_mib()
    assert max(resident.values()) < MOST_MIB, resident
