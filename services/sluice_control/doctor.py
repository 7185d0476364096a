"""What `sluice doctor` asks."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple


class Check(NamedTuple):
    """One line of `sluice doctor`: what was looked at, whether it is well, and what to do if it is not."""

    name: str
    ok: bool
    detail: str = ""


Doctor = Callable[[], Awaitable[Sequence[tuple[str, bool, str]]]]
"""Looks at everything beside control."""
