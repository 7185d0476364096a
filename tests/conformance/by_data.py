"""For a log whose records are CloudEvents: the suite counts values, and of an event that is its data."""

import base64
import json
from collections.abc import Callable, Sequence

import msgspec

from sluice.event import Record
from sluice.ledger import Claim
from sluice.trigger import Intake, Trigger

EVENT = "event"
"""The attribute with the event itself."""


class ByData:
    """A trigger whose records reach the intake with the data of their events as values."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self._trigger.run(_Intake(intake), ready)


class _Intake:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.claim, self.release, self.deliver = intake.claim, intake.release, intake.deliver
        self.serve, self.rest, self.plan, self.lag = intake.serve, intake.rest, intake.plan, intake.lag

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self._intake.offer(claim, [_by_data(record) for record in records], to)


def _by_data(record: Record) -> Record:
    if record.value is None:
        return record
    data = base64.b64decode(json.loads(record.value).get("data_base64", ""))
    return msgspec.structs.replace(record, value=data, attributes=((EVENT, record.value.decode()),))


def restored(record: Record) -> Record:
    """As the trigger handed it over."""
    event = dict(record.attributes).get(EVENT)
    return record if event is None else msgspec.structs.replace(record, value=event.encode(), attributes=())
