"""What the readers of all shards of a trigger share."""

import asyncio
from typing import NamedTuple

from sluice.trigger import Intake
from sluice_dis.service_time import ServiceTime
from sluice_dis.settings import DisSettings
from sluice_dis.stream import About, Stream


class Shared(NamedTuple):
    """`room` bounds how many reads are not yet accepted."""

    settings: DisSettings
    stream: Stream
    intake: Intake
    about: About
    time: ServiceTime
    room: asyncio.Semaphore
