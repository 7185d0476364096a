"""What the mesh knows of the gateway kind."""

import asyncio
from collections.abc import Callable

from sluice.binding import Binding, Mode
from sluice.trigger import Intake, Trigger, TriggerKind
from sluice.trigger_options import GATEWAY_TYPES
from sluice_gateway.settings import ApigSettings
from sluice_gateway.shape import shape
from sluice_gateway.triggers import KIND_NAME


class Listening:
    """An HTTP trigger has nothing to read: the gateway's one door serves all of them. This one only says that it is there."""

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        ready()
        await asyncio.Event().wait()


def build(binding: Binding, settings: ApigSettings) -> Trigger:
    return Listening()


KIND = TriggerKind(
    name=KIND_NAME,
    types=tuple(sorted(GATEWAY_TYPES)),
    settings=ApigSettings,
    shape=shape,
    build=build,
    modes=(Mode.SYNC, Mode.ASYNC),
    source_of=lambda settings: settings.path,
    replayable=False,
    fixed=GATEWAY_TYPES,
)
