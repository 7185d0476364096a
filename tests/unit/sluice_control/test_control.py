"""The whole way: what the API is told, a watcher hears."""

import msgspec

from sluice.binding import Mode, TriggerStatus
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body
from tests.unit.sluice_control.test_watchers import Follower

KAFKA = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 100, "ordering": "source", "linger": 0.5}


async def test_a_function_and_a_trigger_made_by_the_api_are_delivered_by_the_watch(control: Control, api: Client) -> None:
    async with Follower(control, "kafka", frozenset({"kafka"})) as kafka:
        created = await api("POST", "/v2/{p}/fgs/functions", function_body("orders"))
        urn = created.json["func_urn"]
        assert urn == f"urn:fss:local-1:{api.project}:function:default:orders:latest"
        body = {"trigger_type_code": "OPENSOURCEKAFKA", "trigger_status": "ACTIVE", "event_data": KAFKA | {"filter": {"a": 1}}}
        trigger = await api("POST", f"/v2/{{p}}/fgs/triggers/{urn}", body)
        function, binding = kafka.snapshot.functions[urn], kafka.snapshot.bindings[trigger.json["trigger_id"]]
    assert (function.memory_mb, function.timeout_s, function.code, function.is_http) == (128, 30.0, created.json["digest"], False)
    assert (binding.function, binding.kind, binding.mode, binding.status) == (urn, "kafka", Mode.ASYNC, TriggerStatus.ACTIVE)
    assert (binding.batch_size, binding.linger_s, binding.ordering, binding.filter) == (100, 0.5, "source", '{"a":1}')
    settings = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 100}
    assert msgspec.json.decode(binding.settings) == settings
    package = b"".join([chunk async for chunk in control.code(function.code)])
    assert len(package) == created.json["code_size"]


async def test_what_an_image_is_started_with_is_delivered_as_lists_and_numbers(control: Control, api: Client) -> None:
    own = {"command": "/bin/sh, -c", "args": "run,,twice", "working_dir": "/srv", "uid": "1234", "gid": "-1"}
    image = {"code_type": "Custom-Image-Swr", "func_code": None, "custom_image": {"enabled": True, "image": "registry/orders:1", **own}}
    async with Follower(control, "runner") as runner:
        created = await api("POST", "/v2/{p}/fgs/functions", function_body("orders", **image))
        function = runner.snapshot.functions[created.json["func_urn"]]
    assert (function.image, function.code, function.image_folder) == ("registry/orders:1", "", "/srv")
    assert (function.image_command, function.image_args) == (("/bin/sh", "-c"), ("run", "", "twice"))
    assert (function.uid, function.gid) == (1234, 0)
