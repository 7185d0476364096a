"""What the headers of a request decide beside its body."""

import pytest

from sluice.binding import Binding, Mode
from sluice.catalog import Change
from sluice.function import Alias, Function, HeaderRule
from tests.unit.sluice_gateway.door import BASE, PROJECT, URN, Door, replied

ALIAS = f"{BASE}:hello:!live"


def with_alias(door: Door, *, functions: tuple[str, ...] = ("v1", "v2")) -> None:
    for version in functions:
        door.snapshot.apply(Change(1, function=Function(f"{BASE}:hello:{version}", max_instances=0 if version == "v9" else 1)))
    rules = (HeaderRule("X-Grey", "=", "yes"),)
    door.snapshot.apply(Change(1, alias=Alias(ALIAS, functions[0], functions[1], rules=rules)))


@pytest.mark.parametrize("operation", ["invocations", "invocations-async"])
@pytest.mark.parametrize(("headers", "choice"), [({"x-gREY": "yes"}, "v2"), ({"X-Grey": "no"}, "v1"), ({}, "v1")])
async def test_an_invocations_headers_choose_the_version_behind_an_alias(operation: str, headers: dict[str, str], choice: str) -> None:
    door = Door()
    with_alias(door)
    await door.ask_signed("POST", f"/v2/p1/fgs/functions/{ALIAS}/{operation}", b"{}", headers)
    assert [handed.event.choice for handed in door.dispatch.handed] == [choice]


@pytest.mark.parametrize("mode", [Mode.SYNC, Mode.ASYNC])
async def test_a_triggers_headers_choose_the_version_behind_an_alias(mode: Mode) -> None:
    door = Door()
    with_alias(door)
    settings = b'{"path": "/a", "auth": "NONE", "func_info": {"invocation_type": "%s"}}' % mode.value.encode()
    door.snapshot.apply(Change(1, binding=Binding("t1", PROJECT, "APIG", "gateway", ALIAS, settings, mode=mode)))
    for headers in ({"X-Grey": "yes"}, {}):
        await door.ask("GET", "/a", b"", headers)
    assert [handed.event.choice for handed in door.dispatch.handed] == ["v2", "v1"]


async def test_a_chosen_version_that_is_disabled_is_429() -> None:
    door = Door()
    with_alias(door, functions=("v1", "v9"))
    answered = await door.ask_signed("POST", f"/v2/p1/fgs/functions/{ALIAS}/invocations", b"{}", {"X-Grey": "yes"})
    assert (answered.status, answered.code, answered.json["error_msg"]) == (429, "FSS.0429", "Function Disabled")


@pytest.mark.parametrize("operation", ["invocations", "invocations-async"])
async def test_a_memory_size_is_chosen_where_the_function_allows_it(operation: str) -> None:
    door = Door()
    door.dispatch.outcome = replied(b"{}")
    target = f"/v2/p1/fgs/functions/{URN}/{operation}"
    assert (await door.ask_signed("POST", target, b"{}", {"X-Cff-Instance-Memory": "none"})).status in (200, 202)
    door.function("hello", dynamic_memory=True)
    answered = await door.ask_signed("POST", target, b"{}", {"X-Cff-Instance-Memory": "1024"})
    assert [handed.event.choice for handed in door.dispatch.handed] == ["", "@1024"]
    if operation == "invocations":
        assert '"memorySize": 1024' in answered.headers["x-cff-invoke-summary"].replace('":', '": ')
    refused = await door.ask_signed("POST", target, b"{}", {"X-Cff-Instance-Memory": "1000"})
    assert (refused.status, refused.code) == (406, "FSS.0406")
    assert "X-Cff-Instance-Memory" in refused.json["error_msg"]
