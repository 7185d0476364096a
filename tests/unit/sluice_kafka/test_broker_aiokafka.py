"""What the driver does not say by itself."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sluice.errors import SourceLost
from sluice_kafka.broker import Place
from sluice_kafka.broker_aiokafka import AiokafkaBroker
from sluice_kafka.settings import KafkaSettings


class SilentConsumer:
    """Reads are empty. `fetching` is the driver's task behind them."""

    def __init__(self, fetching: "asyncio.Future[None]") -> None:
        self._fetcher = SimpleNamespace(error_future=fetching)

    async def getmany(self, *_: object, **__: object) -> dict[Any, Any]:
        return {}


async def test_a_driver_that_stopped_reading_is_a_lost_source_and_no_silence() -> None:
    settings = msgspec.convert({"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"]}, KafkaSettings)
    fetching: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    broker = AiokafkaBroker(settings, "group")
    broker._consumer = SilentConsumer(fetching)
    assert await broker.read([Place("orders", 0)], 10, 0) == {}
    fetching.set_result(None)
    with pytest.raises(SourceLost, match="stopped reading"):
        await broker.read([Place("orders", 0)], 10, 0)
