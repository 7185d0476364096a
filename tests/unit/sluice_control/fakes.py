"""The ports that control is given: four kinds, a dispatcher's records, a runner's logs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sluice.binding import Binding, Mode
from sluice.event import Record
from sluice.ledger import Counts, Dead, DeadFilter, Story, StoryFilter, StoryPage
from sluice.runner import InstanceState, LogLine
from sluice.trigger import Trigger, TriggerKind
from sluice.usage import Usage, UsageFilter, summed


class TimerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule."""

    name: str
    schedule_type: Literal["Rate", "Cron"]
    schedule: str
    user_event: str = ""


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Topics of a broker."""

    kafka_connect_address: str
    topic_ids: Annotated[list[str], Meta(min_length=1)]
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1
    kafka_user: str = ""
    kafka_password: str = ""
    start_position: Literal["latest", "earliest"] = "latest"


class BucketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Objects of a bucket whose names begin alike."""

    bucket: str
    prefix: str = ""
    secret_key: Annotated[str, Meta(min_length=1)] = "-"


class FuncInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    timeout: Annotated[int, Meta(ge=1, le=60_000)]
    invocation_type: Literal["sync", "async"] = "sync"
    function_urn: str = ""
    version: str = ""


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path."""

    group_id: str
    path: str
    req_method: str
    func_info: FuncInfo
    name: str = ""
    auth: Literal["NONE", "IAM", "APP"] = "IAM"


def _shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    return b"{}"


def _build(binding: Binding, settings: Any) -> Trigger:
    raise NotImplementedError


TIMER = TriggerKind("timer", ("TIMER",), TimerSettings, _shape, _build, modes=(Mode.RECORDED,))
KAFKA = TriggerKind(
    "kafka",
    ("KAFKA", "OPENSOURCEKAFKA"),
    KafkaSettings,
    _shape,
    _build,
    source_of=lambda settings: str(settings.kafka_connect_address),
    created_disabled=frozenset({"KAFKA", "OPENSOURCEKAFKA"}),
)
GATEWAY = TriggerKind(
    "gateway", ("APIG",), GatewaySettings, _shape, _build, modes=(Mode.SYNC, Mode.ASYNC), replayable=False, fixed=frozenset({"APIG"})
)
OBS = TriggerKind(
    "obs",
    ("OBS",),
    BucketSettings,
    _shape,
    _build,
    lasting=frozenset({"bucket"}),
    contested=lambda settings: str(settings.bucket),
    rivals=lambda one, other: one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix),
)
KINDS = {code: kind for kind in (TIMER, KAFKA, GATEWAY, OBS) for code in kind.types}


class FakeRecords:
    """Answers what the test put in, and remembers what it was asked."""

    def __init__(self) -> None:
        self.stories: list[Story] = []
        self.letters: list[Dead] = []
        self.totals: dict[str, Counts] = {}
        self.used: list[Usage] = []
        self.asked: list[Any] = []

    async def explain(self, project: str, event: bytes) -> Story | None:
        return next((story for story in self.stories if story.id == event and story.route.project == project), None)

    async def recent(self, which: StoryFilter, limit: int, marker: int) -> StoryPage:
        self.asked.append((which, limit, marker))
        meant = [story for story in self.stories if not which.states or story.state in which.states]
        return StoryPage(meant[marker : marker + limit], len(meant))

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        self.asked.append(which)
        return [letter for letter in self.letters if letter.sequence > after and letter.route.project == which.project][:limit]

    async def redrive(self, which: DeadFilter, limit: int, dry_run: bool) -> list[bytes]:
        self.asked.append((which, limit, dry_run))
        return [letter.event.id for letter in self.letters]

    async def purge(self, which: DeadFilter) -> int:
        self.asked.append(which)
        return len(self.letters)

    async def cancel(self, project: str, event: bytes, *, force: bool = False) -> bool:
        self.asked.append(force)
        return await self.explain(project, event) is not None

    async def usage(self, which: UsageFilter) -> list[Usage]:
        self.asked.append(which)
        return summed(which, self.used)

    async def counts(self, project: str) -> dict[str, Counts]:
        return self.totals

    async def tail(self, project: str) -> AsyncIterator[Story]:
        for story in self.stories:
            if story.route.project == project:
                yield story


class FakeLogs:
    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.hangs = False
        self.closed = False
        self.asked: list[Any] = []

    async def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        self.asked.append((function, since, limit, follow))
        try:
            for line in self.lines[:limit]:
                yield line
            if follow and self.hangs:
                await asyncio.Event().wait()
        finally:
            self.closed = True

    async def instances(self, project: str) -> list[InstanceState]:
        return []
