"""What the author of a kind supplies to the conformance suite."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind

BINDING = Binding("trigger", "p1", "", "", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


class Window(NamedTuple):
    """The most that a trigger of the kind may have handed over and not yet answered."""

    records: int
    size: int


class Bench(ABC):
    """One source, fresh for each behaviour, and triggers that read it. Values come back in the order in which they were produced."""

    kind: TriggerKind
    example: bytes
    """`event_data` as the page of the kind shows it: JSON text."""
    window: Window
    cannot: Mapping[str, str] = {}
    """Behaviours that the kind cannot have by its nature, each with the reason. Only those of `suite.BY_NATURE`."""
    pushed: bool = False
    """Whether the source hands over to us and waits for an answer, and so cannot redeliver: then the caller is told."""
    deadline_s: float = 10.0
    """What has not happened until then does not happen."""
    patience_s: float = 0.1
    """What has not happened in this time counts as not happening; longer than the kind's own ticks."""
    empty: Sequence[bytes | None] = (b"", None)
    """Values without content that the source can carry."""

    @abstractmethod
    def trigger(self, **settings: object) -> Trigger:
        """A new trigger on the source, with these settings changed (`position_lost` is the only one the suite changes)."""

    @abstractmethod
    async def produce(self, *values: bytes | None) -> None:
        """Put records into the source. A pushed source returns without waiting for the answers."""

    @abstractmethod
    async def confirmed(self) -> int:
        """How many of the produced records the source regards as done with."""

    async def now_ms(self) -> int:
        """The source's clock, for the times of records."""
        raise NotImplementedError

    async def lose_connection(self) -> None:
        """Break what connects the trigger to its source, for longer than the trigger puts up with."""
        raise NotImplementedError

    async def leave_gap(self) -> None:
        """Let positions pass without a record: a marker, a deleted record."""
        raise NotImplementedError

    async def end(self) -> str:
        """The position after everything in the source."""
        raise NotImplementedError

    async def lose_position(self) -> tuple[str, str]:
        """A source and a position of it that it no longer holds; at least one record is left after it."""
        raise NotImplementedError

    async def told(self) -> list[str]:
        """What the callers of a pushed source were answered so far: `accepted`, `retry <seconds>` or `refused`."""
        raise NotImplementedError

    def settings(self) -> Any:
        return msgspec.json.decode(self.example, type=self.kind.settings)

    def event(self, records: Sequence[Record]) -> bytes:
        """The body of the event of these records."""
        return self.kind.shape(BINDING, self.settings(), records)
