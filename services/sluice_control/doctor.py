"""What `sluice doctor` asks."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One line of `sluice doctor`: what was looked at, whether it is well, and what to do if it is not."""

    name: str
    ok: bool
    detail: str = ""


Doctor = Callable[[], Awaitable[Sequence[Check]]]
