"""How a service is, told to whoever asks now: its figures, and what it found when it looked at itself."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sluice.metrics import Sample


class Check(msgspec.Struct, frozen=True):
    """One line of `sluice doctor`: what was looked at, whether it is well, and what was found or what to do."""

    name: str
    ok: bool
    detail: str = ""


class Status(Protocol):
    """Raises Unavailable where the service is far away and does not answer."""

    async def figures(self) -> Sequence[Sample]: ...
    async def checks(self) -> Sequence[Check]: ...
