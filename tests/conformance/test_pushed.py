"""The smallest pushed kind, which proves the way through the gateway: a request is a record."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.event import Record, id_text, random_id
from sluice.push import Answer, Request
from sluice.pushed import PushedSettings, refusal, told
from sluice.trigger import Intake, Trigger, TriggerKind
from tests.conformance.bench import Bench
from tests.conformance.pushed import PushedBench, post
from tests.conformance.suite import TriggerConformance

TOKEN = "a token of some length"


class PlainTrigger:
    def __init__(self, settings: PushedSettings) -> None:
        self._settings = settings

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        async def answer(request: Request) -> Answer:
            if refused := refusal(self._settings, request):
                return refused
            return told(await intake.deliver(Record(request.body, "plain", id_text(random_id()), time.time_ns() // 1_000_000)))

        intake.serve(answer)
        ready()
        await asyncio.Event().wait()


def shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    return msgspec.json.encode({"records": [record.value for record in records]})


KIND = TriggerKind(
    "plain", ("PLAIN",), PushedSettings, shape, lambda binding, settings: PlainTrigger(settings), replayable=False, pushed=True
)


class PlainBench(PushedBench):
    kind = KIND
    example = msgspec.json.encode({"push_token": TOKEN})

    def make(self, **settings: object) -> Trigger:
        return PlainTrigger(PushedSettings(push_token=TOKEN))

    async def send(self, value: bytes) -> tuple[int, str]:
        return await post(self.url, value, {"Authorization": f"Bearer {TOKEN}"})


class TestPlain(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = PlainBench()
        yield bench
        await bench.close()
