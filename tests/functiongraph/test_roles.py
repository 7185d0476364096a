"""Each role, asked for each operation that the API's document names: it may do what the table says, and nothing else."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.identity import RIGHTS, may
from tests.e2e.driver import Sluice
from tests.functiongraph.senders import Wire, key_of_role

Documented = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def documented(wire: Wire) -> Documented:
    """Method, path, description."""
    paths = wire.ask("GET", "/openapi.json").json["paths"]
    return [(method.upper(), path, told) for path, methods in paths.items() for method, told in methods.items()]


@pytest.mark.parametrize("role", [role for role in RIGHTS if role != "app"])
def test_a_role_may_do_what_the_table_says(sluice: Sluice, wire: Wire, documented: Documented, role: str) -> None:
    sender = key_of_role(sluice, role)
    checked = 0
    for method, path, told in documented:
        needs = re.fullmatch(r"For (\w+) access\.", told["description"])
        if not needs or (told["operationId"] == "tail_events" and may(role, "read")):  # a stream that does not end
            continue
        refused = wire.signed(sender, method, _nothing(path, sluice), b"{" if method in ("POST", "PUT") else b"").status == 403
        assert refused == (not may(role, needs[1])), (role, method, path)
        checked += 1
    assert checked > 60


def test_an_app_may_do_nothing_at_the_api(sluice: Sluice, wire: Wire, documented: Documented) -> None:
    app = key_of_role(sluice, "app")
    for method, path, _ in documented:
        if not path.startswith("/v3/auth/"):
            assert wire.signed(app, method, _nothing(path, sluice)).refusal == (401, "FSS.0401"), (method, path)


def test_nobody_may_do_nothing_at_the_api(wire: Wire, sluice: Sluice, documented: Documented) -> None:
    for method, path, _ in documented:
        if not path.startswith("/v3/auth/"):
            assert wire.ask(method, _nothing(path, sluice)).refusal == (401, "FSS.0401"), (method, path)


def test_the_sdk_is_told_that_a_role_may_not(sluice: Sluice, function: str) -> None:
    reader, invoker = key_of_role(sluice, "reader"), key_of_role(sluice, "invoker")
    assert reader("show_function_config", function_urn=function).func_urn
    reader.refused("delete_function", "FSS.0403", 403, function_urn=function)
    reader.refused("invoke_function", "FSS.0403", 403, function_urn=function, body={})
    assert invoker("invoke_function", function_urn=function, body={})
    invoker.refused("show_function_config", "FSS.0403", 403, function_urn=function)


def _nothing(path: str, sluice: Sluice) -> str:
    """The path with names that are nobody's."""
    return re.sub(r"\{\w+\}", "nobody", path.replace("{project_id}", sluice.project))
