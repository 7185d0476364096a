"""Whatever is sent, the answer is an answer: never a failure of ours."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.sluice_control.client import Client, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
TEXT: list[Any] = ["", "x" * 5000, "\x00", "é\u202e", "../.."]
NASTY: list[Any] = [None, True, 0, -1, 2**63, 1e308, *TEXT, [], [None], [[]], {}, {"": ""}, {"a": {"b": [1]}}]
IMAGE = {"enabled": True, "image": "a", "command": "b", "args": "", "working_dir": "/", "uid": "1003", "gid": "1003"}
TIMER = {"name": "tick", "schedule_type": "Rate", "schedule": "3m", "user_event": ""}
KAFKA = {"kafka_connect_address": "b:1", "topic_ids": ["t"], "batch_size": 1, "kafka_user": "u", "kafka_password": "p", "ordering": "none"}
APIG = {"group_id": "g", "path": "/p", "req_method": "GET", "func_info": {"timeout": 1, "invocation_type": "sync"}}
OPTIONS = {"linger": 0, "filter": {"a": 1}, "max_pending": 1, "max_pending_bytes": 1024}
TARGET = {"destination": "FunctionGraph", "param": json.dumps({"func_urn": "hello"})}
STRATEGY = {"concurrency": 1, "concurrent_num": 1}
CONFIG = function_body(initializer_handler="-", initializer_timeout=3, code_type=None, package=None, func_code=None)
DEAD = {"trigger": "", "function": "", "failure": "", "ids": [], "since": 0, "until": 0}
WHOLE: list[tuple[str, str, dict[str, Any]]] = [
    (
        "POST",
        FUNCTIONS,
        function_body("other", user_data="{}", encrypted_user_data="{}", strategy_config=STRATEGY),
    ),
    ("POST", FUNCTIONS, function_body("image", code_type="Custom-Image-Swr", func_code=None, custom_image=IMAGE, mount_config={}, tags="")),
    (
        "PUT",
        f"{FUNCTIONS}/hello/config",
        CONFIG,
    ),
    ("PUT", f"{FUNCTIONS}/hello/code", {"code_type": "zip", "code_filename": "a", "func_code": {"file": "", "link": ""}, "code_url": ""}),
    ("PUT", f"{FUNCTIONS}/hello/config-max-instance", {"max_instance_num": 1}),
    ("POST", f"{FUNCTIONS}/hello/versions", {"version": "v1", "description": "", "digest": ""}),
    ("POST", f"{FUNCTIONS}/hello/aliases", {"name": "a", "version": "latest", "description": "", "additional_version_weights": {"v1": 1}}),
    (
        "PUT",
        f"{FUNCTIONS}/hello/async-invoke-config",
        {"destination_config": {"on_success": TARGET}},
    ),
    ("POST", f"{FUNCTIONS}/hello/cancel", {"request_id": "x", "type": "force"}),
    *(
        ("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": code, "trigger_status": "ACTIVE", "event_data": data | OPTIONS})
        for code, data in (("TIMER", TIMER), ("KAFKA", KAFKA), ("APIG", APIG))
    ),
    (
        "POST",
        "/sluice/v1/{p}/dead/redrive",
        {"trigger": "", "function": "", "failure": "", "ids": [], "since": 0, "limit": 1, "dry_run": True},
    ),
    ("POST", "/sluice/v1/{p}/keys", {"role": "reader", "description": ""}),
]
QUERIES = [
    f"{FUNCTIONS}?marker=%s",
    f"{FUNCTIONS}?maxitems=%s",
    f"{FUNCTIONS}?func_name=%s",
    f"{FUNCTIONS}/%s/config",
    f"{FUNCTIONS}/hello/aliases/%s",
    f"{FUNCTIONS}/hello/async-invocations?request_id=%s",
    f"{FUNCTIONS}/hello/async-invocations?query_begin_time=%s",
    "/v2/{p}/fgs/triggers/hello/TIMER/%s",
    "/sluice/v1/{p}/events/%s",
    "/sluice/v1/{p}/dead?since=%s",
    "/sluice/v1/{p}/dead?after=%s&function=%s",
    "/sluice/v1/{p}/triggers?after=%s&limit=%s",
    "/sluice/v1/{p}/code/%s",
    "/sluice/v1/{p}/functions/%s/logs",
]
TEXTS = [
    "-1",
    "0",
    "9" * 40,
    "x",
    "%00",
    "%C3%28",
    "%F0%9F%98%80",
    "a:b:c:d:e:f:g:h:i",
    "1e400",
    "nan",
    "inf",
    "-1e300",
    "'; DROP TABLE function; --",
]


def spoiled(body: Any) -> Iterator[Any]:
    """The body with each of its parts, at every depth, taken away or replaced by something nasty."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield {other: kept for other, kept in body.items() if other != name}
            for worse in [*NASTY, *spoiled(value)]:
                yield body | {name: worse}


@pytest.mark.parametrize(("method", "path", "body"), WHOLE)
async def test_no_body_makes_the_api_fail(api: Client, method: str, path: str, body: dict[str, Any]) -> None:
    await api("POST", FUNCTIONS, function_body())
    for sent in spoiled(body):
        answer = await api(method, path, sent)
        assert answer.status < 500, (sent, answer.body)
        if answer.status >= 400:
            assert set(answer.json) == {"error_code", "error_msg"}
            assert len(answer.message) < 4000


async def test_no_path_or_query_makes_the_api_fail(api: Client) -> None:
    await api("POST", FUNCTIONS, function_body())
    for path in QUERIES:
        for text in TEXTS:
            answer = await api("GET", path.replace("%s", text))
            assert answer.status < 500, (path, text, answer.body)
