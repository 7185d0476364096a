"""What the contract of triggers does by itself."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.settings import Settings
from sluice.trigger import Intake, Trigger, TriggerKind
from tests.conformance.bench import BINDING


class Bounded:
    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self.directories = directories

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await asyncio.Event().wait()


def shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    return b"{}"


def bounded(process: Settings) -> Callable[[Binding, Any], Trigger]:
    return lambda binding, settings: Bounded(process.readable_directories)


KIND = TriggerKind("bounded", ("BOUNDED",), msgspec.Struct, shape, lambda binding, settings: Bounded(), bounded=bounded)


def test_a_kind_that_is_bounded_builds_what_the_process_allows() -> None:
    trigger = KIND.within(Settings(readable_logs="/srv")).build(BINDING, None)
    assert isinstance(trigger, Bounded)
    assert trigger.directories == (Path("/srv"),)


def test_a_kind_that_is_not_is_the_same_everywhere() -> None:
    kind = msgspec.structs.replace(KIND, bounded=None)
    assert kind.within(Settings()) is kind
