"""Syslog over UDP, where nobody can be held back."""

import asyncio

import pytest

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice_lts import syslog_datagrams
from sluice_lts.arrivals import Arrivals
from sluice_lts.syslog_datagrams import OVERHEAD, SyslogDatagrams
from tests.conformance.intake import FakeIntake
from tests.servers import free_port_run
from tests.unit.sluice_lts.samples import made

WITHIN_S = 10.0


class Receiver:
    def __init__(self, **settings: object) -> None:
        self.intake = FakeIntake()
        arrivals = Arrivals(self.intake, SteppedClock(), deduplicate=True)
        chosen = made(syslog_udp=f"127.0.0.1:{free_port_run(1)}", **settings)
        self.datagrams = SyslogDatagrams(chosen, arrivals)

    def receive(self, *texts: str, sender: str = "127.0.0.1") -> None:
        for text in texts:
            self.datagrams.datagram_received(b"<13>" + text.encode(), (sender, 514))


async def test_what_comes_while_there_is_no_room_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_datagrams, "MOST_BYTES", 2 * (OVERHEAD + 5))
    receiver = Receiver()
    receiver.receive("a", "b", "c", "d")
    assert receiver.datagrams.dropped == 2
    await taken(receiver, 2)
    receiver.receive("e")
    assert receiver.datagrams.dropped == 2


async def test_what_the_mesh_does_not_take_waits() -> None:
    receiver = Receiver()
    receiver.intake.fail_next(Unavailable("full", 0.01))
    receiver.receive("a", "b")
    await taken(receiver, 2)


async def test_datagrams_of_other_networks_are_dropped() -> None:
    receiver = Receiver(syslog_networks=["192.0.2.0/24"])
    receiver.receive("a", sender="192.0.3.1")
    receiver.receive("b", sender="192.0.2.1")
    await taken(receiver, 1)
    assert receiver.datagrams.dropped == 1


async def taken(receiver: Receiver, count: int) -> None:
    running = asyncio.create_task(receiver.datagrams.run(receiver.intake, lambda: None))
    try:
        await receiver.intake.until(lambda: len(receiver.intake.accepted) == count, WITHIN_S)
    finally:
        running.cancel()
        await asyncio.wait({running})
