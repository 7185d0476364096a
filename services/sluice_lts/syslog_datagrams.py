"""Syslog over UDP: at most once, for there is nobody to hold back."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from sluice.addresses import addresses
from sluice.trigger import Intake
from sluice_lts.arrivals import Arrivals
from sluice_lts.listening import address_of, cannot_listen
from sluice_lts.networks import Networks
from sluice_lts.settings import LtsSettings
from sluice_lts.syslog import parse

MOST_BYTES = 8 * 1024 * 1024
"""Datagrams that wait here; those that come then are dropped."""
OVERHEAD = 200
"""What each of them takes beside its bytes."""
TOGETHER = 1000
TELL_S = 10.0

log = structlog.get_logger("sluice.lts")


class SyslogDatagrams(asyncio.DatagramProtocol):
    """One listening address."""

    def __init__(self, settings: LtsSettings, arrivals: Arrivals) -> None:
        self._address = settings.syslog_udp
        self._networks = Networks(settings.syslog_networks)
        self._arrivals = arrivals
        self._waiting: deque[tuple[bytes, str]] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._count = 0
        self.dropped = 0
        """Since it began: there was no room, or their sender may not send."""

    async def run(self, intake: Intake, begun: Callable[[], None]) -> None:
        """Until cancelled. Raises SourceRefused, and SourceLost while the address is in use."""
        async with address_of(intake, "syslog_udp", self._address):
            ((host, port),) = addresses(self._address)
            loop = asyncio.get_running_loop()
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
            except OSError as error:
                cannot_listen("syslog_udp", self._address, error)
            try:
                begun()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._tell())
                    await self._hand_over()
            finally:
                transport.close()

    def datagram_received(self, data: bytes, sender: tuple[str | Any, int]) -> None:
        size = len(data) + OVERHEAD
        if self._bytes + size > MOST_BYTES or not self._networks.allow(sender[0]):
            self.dropped += 1
            return
        self._bytes += size
        self._waiting.append((data, sender[0]))
        self._some.set()

    async def _hand_over(self) -> None:
        while True:
            await self._some.wait()
            taken = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            if not self._waiting:
                self._some.clear()
            now = self._arrivals.now()
            logs = [parse(data.rstrip(b"\n\0"), sender, self._count + number, now) for number, (data, sender) in enumerate(taken, 1)]
            self._count += len(taken)
            await self._arrivals.hand_over_at_last(f"syslog_udp {self._address}", logs)
            self._bytes -= sum(len(data) + OVERHEAD for data, _ in taken)

    async def _tell(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(TELL_S)
            if self.dropped > told:
                log.warning("syslog datagrams dropped", address=self._address, dropped=self.dropped - told)
                told = self.dropped
