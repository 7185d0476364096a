"""What the mesh knows of the gateway kind."""

import asyncio
from collections.abc import Callable
from urllib.parse import quote
from uuid import UUID

from sluice.binding import Binding, Mode, Ordering
from sluice.event import Record
from sluice.trigger import Intake, Trigger, TriggerKind
from sluice.trigger_options import GATEWAY_TYPES
from sluice_gateway.settings import PARAMETER, ApigSettings
from sluice_gateway.shape import shape
from sluice_gateway.triggers import KIND_NAME


class Listening:
    """An HTTP trigger has nothing to read: the gateway's one door serves all of them. This one only says that it is there."""

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        ready()
        await asyncio.Event().wait()


def build(binding: Binding, settings: ApigSettings) -> Trigger:
    return Listening()


def sample(settings: ApigSettings) -> Record:
    """A request that the trigger takes."""
    method = "POST" if settings.req_method == "ANY" else settings.req_method
    parameters = tuple((f"parameter:{name}", name) for name in PARAMETER.findall(settings.path))
    path = quote(PARAMETER.sub(r"\1", settings.path), safe="/")
    attributes = (("method", method), ("path", path), ("source_ip", "127.0.0.1"), ("header:content-type", "application/json"))
    return Record(b'{"hello":"world"}', "request", "", 0, id=str(UUID(int=0)), attributes=(*attributes, *parameters))


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
    sample=sample,
    orderings=(Ordering.NONE, Ordering.SOURCE),
)
