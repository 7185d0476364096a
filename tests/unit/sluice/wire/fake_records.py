"""Records and a catalog in memory."""

import asyncio
from collections.abc import AsyncIterator

from sluice.binding import Binding, Mode, Ordering, TriggerStatus
from sluice.catalog import Change, FunctionGone, Health, Key
from sluice.event import Event
from sluice.function import Alias, Asynchronous, Function, HeaderRule
from sluice.ledger import Counts, Dead, DeadFilter, End, Route, Step, Story, StoryFilter, StoryPage
from sluice.reservation import Reservation, ReservedSchedule, ReservedUse
from sluice.usage import Usage, UsageFilter

EVENT = b"0123456789abcdef"
ROUTE = Route("p", "t-1", "urn:fss:here:p:function:default:f:!live", Mode.RECORDED, "timer")
STORY = Story(EVENT, ROUTE, "FAIL", (Step(1.25, "accepted"), Step(2.5, "ended", "FAIL timeout")), "timeout", "too slow", 504)
USAGE = Usage("urn:fss:here:p:function:default:f:1", 60, 9, 8, 7.5, 6.5, 5.5, 4, 3, 2, 1, 12, 13, 0.25)


def dead(sequence: int, body: bytes = b"\xff", redriven: bytes = b"") -> Dead:
    event = Event(EVENT, body, "lane", 3, "00-1")
    return Dead(sequence, event, ROUTE, End.DISCARD, "expired", "too old", 0, 1.5, 2.5, 2, 1, redriven)


class FakeRecords:
    def __init__(self, *kept: Dead) -> None:
        self.kept = list(kept)
        self.asked: list[object] = []

    async def explain(self, project: str, event: bytes) -> Story | None:
        return STORY if (project, event) == ("p", EVENT) else None

    async def recent(self, which: StoryFilter, limit: int, marker: int) -> StoryPage:
        self.asked.append((which, limit, marker))
        return StoryPage([STORY] * limit, 77)

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        self.asked.append(which)
        return [each for each in self.kept if each.sequence > after][:limit]

    async def redrive(self, which: DeadFilter, limit: int, dry_run: bool) -> list[bytes]:
        self.asked.append((which, limit, dry_run))
        return [each.event.id for each in self.kept][:limit]

    async def purge(self, which: DeadFilter) -> int:
        self.asked.append(which)
        return len(self.kept)

    async def cancel(self, project: str, event: bytes, *, force: bool = False) -> bool:
        self.asked.append(force)
        return (project, event) == ("p", EVENT)

    async def usage(self, which: UsageFilter) -> list[Usage]:
        self.asked.append(which)
        return [USAGE]

    async def counts(self, project: str) -> dict[str, Counts]:
        return {"t-1": Counts(9, 3, 2, 1, 7), "t-2": Counts()} if project == "p" else {}

    async def tail(self, project: str) -> AsyncIterator[Story]:
        yield STORY
        yield Story(EVENT, Route(project, "", "", Mode.ASYNC), "SUCCESS", ())
        await asyncio.get_running_loop().create_future()


URN = "urn:fss:here:p:function:default:f"
BINDING = Binding(
    "t-1", "p", "KAFKA", "kafka", URN + ":!live", b'{"password":"secret"}', Mode.ASYNC, TriggerStatus.DISABLED, Ordering.SOURCE, 100, 0.5,
    '{"a":1}', 5, 6, "2", 9, 10,
)  # fmt: skip
FUNCTION = Function(
    URN + ":1",
    4,
    image_command=("sh", "-c"),
    uid=1234,
    environment={"A": "1"},
    secrets={"B": "2"},
    max_instances=-1,
    on_failure=URN + ":2",
    dynamic_memory=True,
)
KEY = Key("AK", "SK", "p", "reader")
CHANGES = (
    Change(4, function=FUNCTION),
    Change(5, alias=Alias(URN + ":!live", "1", "2", 30)),
    Change(5, alias=Alias(URN + ":!grey", "1", "2", 0, (HeaderRule("X-Grey", "in", "a, b"),), "or", Asynchronous(0, 60, "", URN + ":2"))),
    Change(6, key=KEY),
    Change(6, reservation=Reservation(URN + ":!live", 2, (ReservedSchedule("0 0 8 * * *", 5, 1.0, 2.5),), (ReservedUse(60, 1),))),
    Change(9, binding=BINDING),
    Change(9),
    Change(10, removed="binding:t-1"),
    Change(11, removed="key:AK"),
)


class FakeCatalog:
    def __init__(self) -> None:
        self.watched: list[tuple[str, frozenset[str]]] = []
        self.reports: list[tuple[str, int, list[Health]]] = []
        self.ended = asyncio.Event()

    async def watch(self, service: str, kinds: frozenset[str]) -> AsyncIterator[Change]:
        self.watched.append((service, kinds))
        try:
            for change in CHANGES:
                yield change
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended.set()

    async def code(self, digest: str) -> AsyncIterator[bytes]:
        if digest != "d1":
            raise FunctionGone(f"code {digest} does not exist")
        for _ in range(5):
            yield b"z" * 1024 * 1024
        yield b"end"

    async def report(self, service: str, generation: int, health: list[Health]) -> None:
        self.reports.append((service, generation, health))
