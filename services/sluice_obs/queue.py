"""The port to a queue that a bucket notifies. `queue_aiobotocore` is the real one; the conformance suite has a fake."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """One delivery. `receipt` names it, and nothing else does: the same message comes with another one when it comes again. `receives`
    counts how often it was given out, this time included."""

    receipt: str
    body: str
    receives: int = 1


class Queue(Protocol):
    """A queue without order that gives each message to one reader at a time, and again when its time is up. Every coroutine may raise
    SourceLost (comes back later) or SourceRefused (change a setting); lists hold at most `settings.BATCH`."""

    async def open(self) -> None:
        """See that the queue is there and lets us in."""
        ...

    async def receive(self, most: int) -> Sequence[Message]:
        """Up to so many messages, as soon as there is one; none after a while without."""
        ...

    async def forget(self, receipts: Sequence[str]) -> None:
        """They are done with. One that cannot be forgotten any more comes again."""
        ...

    async def keep(self, receipts: Sequence[str]) -> None:
        """They stay hidden for another whole time."""
        ...

    async def give_back(self, receipts: Sequence[str]) -> None:
        """Whoever asks next may have them at once."""
        ...

    async def depth(self) -> int:
        """About how many messages wait in the queue."""
        ...

    async def close(self) -> None: ...
