"""Takes traces that are pushed, and follows a Linux audit log where there is one."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.errors import Invalid
from sluice.event import Record
from sluice.push import Answer, Request, problem
from sluice.pushed import deliver_all, refusal, told
from sluice.readable_files import ReadableFiles
from sluice.trigger import Intake
from sluice_cts.audit_log import AuditLog
from sluice_cts.reading import read
from sluice_cts.settings import CtsSettings
from sluice_cts.shape import value_of
from sluice_cts.trace import Named

TRACKER = "system"
"""The topic that all CTS triggers of a project share; Sluice's own trail is published to it."""


class CtsTrigger:
    def __init__(self, settings: CtsSettings, readable: ReadableFiles, clock: Clock | None = None) -> None:
        self._settings = settings
        self._readable = readable
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        async def answer(request: Request) -> Answer:
            if refused := refusal(self._settings, request):
                return refused
            try:
                traces = read(request.body)
            except Invalid as error:
                return problem(400, f"Invalid parameter: {error}.")
            return told(await deliver_all(intake, map(self._record, traces)))

        intake.serve(answer, TRACKER)
        if self._settings.audit_log:
            await AuditLog(self._settings, self._readable).run(intake, ready)
        ready()
        await asyncio.Event().wait()

    def _record(self, named: Named) -> Record:
        now_ms = int(self._clock.time() * 1000)
        return Record(value_of(named.trace), TRACKER, named.name, named.trace.time * 1000 or now_ms, id=named.name)
