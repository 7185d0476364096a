"""The MQTT trigger: hands over what its sessions give, and tells the server what has its outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.hand_overs import HandOvers
from sluice.trigger import Intake
from sluice_mqtt.broker import Broker, Message
from sluice_mqtt.record import Recorder
from sluice_mqtt.settings import MqttSettings

ADOPT_S = 10.0
"""A process that reads a session leaves the others for so long to whoever else is there."""


class MqttTrigger:
    """One trigger. `run` may be called again after it ended; `sessions` are the client ids, each with its way to the server.

    A server lets one connection have a session, and ends the one before. So each session is claimed: of several processes one reads it,
    and another goes on when that one is gone.
    """

    def __init__(self, settings: MqttSettings, sessions: Mapping[str, Broker], clock: Clock | None = None) -> None:
        self._settings = settings
        self._sessions = sessions
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while no server answers, SourceRefused for a login or a filter that is refused."""
        turns = _Turns(intake)
        say_ready = _once(ready)
        try:
            async with asyncio.TaskGroup() as tasks:
                for client, broker in self._sessions.items():
                    tasks.create_task(self._serve(client, broker, intake, turns, say_ready))
        except BaseExceptionGroup as group:
            raise foremost(group) from None

    async def _serve(self, client: str, broker: Broker, intake: Intake, turns: "_Turns", ready: Callable[[], None]) -> None:
        recorder = Recorder(self._settings, client)
        hand_overs = HandOvers(intake, broker.done)

        def receive(message: Message) -> None:
            hand_overs.hand_over(message.tag, lambda: recorder.record(message, int(self._clock.time() * 1000)))

        async with turns.turn(client):
            try:
                await broker.open()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(broker.watch())
                    tasks.create_task(hand_overs.watch())
                    await broker.subscribe(receive)
                    ready()
            finally:
                await hand_overs.end()
                await broker.close()


class _Turns:
    """Which sessions this process reads: one, and others once nobody else has taken them in time."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._adopts_at = asyncio.get_running_loop().time() + ADOPT_S
        self._held = 0

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Waits until the session is ours to read, and gives it back at the end."""
        claim = await self._intake.claim(client)
        loop = asyncio.get_running_loop()
        while self._held and loop.time() < self._adopts_at:
            self._intake.release(claim)
            await asyncio.sleep(self._adopts_at - loop.time())
            claim = await self._intake.claim(client)
        self._held += 1
        try:
            yield
        finally:
            self._intake.release(claim)


def _once(call: Callable[[], None]) -> Callable[[], None]:
    calls = iter((call,))
    return lambda: next(calls, lambda: None)()
