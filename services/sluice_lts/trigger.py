"""Takes logs from wherever the settings say."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.push import Answer, Request
from sluice.pushed import refusal
from sluice.readable_files import ReadableFiles
from sluice.trigger import Intake
from sluice_lts.arrivals import Arrivals
from sluice_lts.file_source import FileSource
from sluice_lts.otlp_server import OtlpServer
from sluice_lts.requests import answer
from sluice_lts.settings import LtsSettings
from sluice_lts.syslog_datagrams import SyslogDatagrams
from sluice_lts.syslog_stream import SyslogStream

STANDBY_S = 2.0
"""What another process has claimed so long is left to it, and the trigger is ready without it."""


class LtsTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: LtsSettings, readable: ReadableFiles, clock: Clock | None = None, *, has_filter: bool = True) -> None:
        self._settings = settings
        self._readable = readable
        self._clock = clock or SystemClock()
        self._whole = settings.metadata or has_filter

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceRefused and SourceLost of the first of its ways that cannot be taken."""
        arrivals = Arrivals(intake, self._clock, deduplicate=self._settings.deduplicate, whole=self._whole)

        async def serve(request: Request) -> Answer:
            return refusal(self._settings, request) or await answer(arrivals, request)

        intake.serve(serve, self._settings.topic)
        try:
            async with asyncio.TaskGroup() as tasks:
                begun = []
                for run in self._runs(arrivals):
                    begun.append(event := asyncio.Event())
                    tasks.create_task(run(intake, event.set))
                await _all(begun)
                ready()
                await asyncio.Event().wait()
        except BaseExceptionGroup as group:
            raise foremost(group) from None

    def _runs(self, arrivals: Arrivals) -> Iterator[Callable[[Intake, Callable[[], None]], Coroutine[None, None, None]]]:
        """Of each way but the gateway's."""
        settings = self._settings
        for path in settings.files:
            yield FileSource(path, settings, self._readable, self._clock).run
        if settings.otlp_listen:
            yield OtlpServer(settings, arrivals).run
        if settings.syslog_udp:
            yield SyslogDatagrams(settings, arrivals).run
        for field in ("syslog_tcp", "syslog_tls"):
            if getattr(settings, field):
                yield SyslogStream(field, settings, arrivals).run


async def _all(events: Sequence[asyncio.Event]) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    if waiting:
        await asyncio.wait(waiting, timeout=STANDBY_S)
    for wait in waiting:
        wait.cancel()
