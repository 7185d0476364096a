"""The whole way: what the API is told, a watcher hears."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from sluice.binding import Mode, TriggerStatus
from sluice.catalog import Catalog, Change, Snapshot
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body

KAFKA = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 100, "ordering": "source", "linger": 0.5}


async def until_synced(changes: AsyncIterator[Change], snapshot: Snapshot) -> None:
    """Take changes up to the next `synced`."""
    async with asyncio.timeout(10):
        async for change in changes:
            snapshot.apply(change)
            if change.synced:
                return


async def test_a_function_and_a_trigger_made_by_the_api_are_delivered_by_the_watch(control: Control, api: Client) -> None:
    catalog: Catalog = control
    changes, snapshot = catalog.watch("kafka", frozenset({"kafka"})), Snapshot()
    await until_synced(changes, snapshot)
    created = await api("POST", "/v2/{p}/fgs/functions", function_body("orders"))
    assert created.status == 200, created.body
    urn = created.json["func_urn"]
    assert urn == f"urn:fss:local-1:{api.project}:function:default:orders:latest"
    await until_synced(changes, snapshot)
    body = {"trigger_type_code": "OPENSOURCEKAFKA", "trigger_status": "ACTIVE", "event_data": KAFKA}
    trigger = await api("POST", f"/v2/{{p}}/fgs/triggers/{urn}", body)
    assert trigger.status == 201, trigger.body
    await until_synced(changes, snapshot)
    function, binding = snapshot.functions[urn], snapshot.bindings[trigger.json["trigger_id"]]
    assert (function.memory_mb, function.timeout_s, function.code) == (128, 30.0, created.json["digest"])
    assert (binding.function, binding.kind, binding.mode, binding.status) == (urn, "kafka", Mode.ASYNC, TriggerStatus.ACTIVE)
    assert (binding.batch_size, binding.linger_s, binding.ordering) == (100, 0.5, "source")
    assert msgspec.json.decode(binding.settings) == {
        "kafka_connect_address": "127.0.0.1:9092",
        "topic_ids": ["orders"],
        "batch_size": 100,
    }
    package = b"".join([chunk async for chunk in control.code(function.code)])
    assert len(package) == created.json["code_size"]
