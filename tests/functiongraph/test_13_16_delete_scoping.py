"""The checklist's sixteenth item: what goes with what."""

import pytest

from tests.functiongraph.client import Sdk
from tests.functiongraph.test_triggers import timer


@pytest.fixture
def scoped(sdk: Sdk, function: str) -> str:
    """A function with the versions v1 and v2, the alias live of v1, and one trigger for each of latest, v1, v2 and the alias."""
    for version in ("v1", "v2"):
        sdk("create_function_version", function_urn=function, body={"version": version})
        shown = sdk("show_function_config", function_urn=function)
        changed = {"func_name": shown.func_name, "runtime": shown.runtime, "handler": "-", "memory_size": 128}
        sdk("update_function_config", function_urn=function, body=changed | {"timeout": shown.timeout + 1})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    for qualifier in ("latest", "v1", "v2", "!live"):
        sdk("create_function_trigger", function_urn=f"{function}:{qualifier}", body=timer())
    return function


def triggers(sdk: Sdk, function: str) -> dict[str, int]:
    """How many there are of each version and alias that exists."""
    versions = [shown.version for shown in sdk("list_function_versions", function_urn=function).versions]
    aliases = [f"!{shown.name}" for shown in sdk("list_version_aliases", function_urn=function).body or []]
    return {each: len(sdk("list_function_triggers", function_urn=f"{function}:{each}").body or []) for each in versions + aliases}


@pytest.mark.parametrize("qualifier", ["v1", "v2", "!live"])
def test_13_16_deleting_all_triggers_of_a_version_or_alias_leaves_the_others(sdk: Sdk, scoped: str, qualifier: str) -> None:
    assert sdk("batch_delete_function_triggers", function_urn=f"{scoped}:{qualifier}").status_code == 204
    assert triggers(sdk, scoped) == {"latest": 1, "v1": 1, "v2": 1, "!live": 1} | {qualifier: 0}


@pytest.mark.parametrize("named", ["", ":latest"])
def test_13_16_deleting_all_triggers_of_latest_or_of_no_version_is_of_all(sdk: Sdk, scoped: str, named: str) -> None:
    assert sdk("batch_delete_function_triggers", function_urn=f"{scoped}{named}").status_code == 204
    assert triggers(sdk, scoped) == {"latest": 0, "v1": 0, "v2": 0, "!live": 0}


@pytest.mark.parametrize("named", ["v1", "!live"])
def test_13_16_a_version_goes_with_its_aliases_triggers_and_settings(sdk: Sdk, scoped: str, named: str) -> None:
    for qualifier in ("v1", "!live", "v2"):
        sdk("update_function_async_invoke_config", function_urn=f"{scoped}:{qualifier}", body={"max_async_retry_attempts": 1})
    assert sdk("delete_function", function_urn=f"{scoped}:{named}").status_code == 204
    assert triggers(sdk, scoped) == {"latest": 1, "v2": 1}
    sdk.refused("show_function_config", "FSS.1052", 404, function_urn=f"{scoped}:v1")
    sdk.refused("show_function_config", "FSS.1053", 404, function_urn=f"{scoped}:!live")
    listed = sdk("list_function_async_invoke_config", function_urn=scoped).async_invoke_configs
    assert [config.func_urn for config in listed] == [f"{scoped}:v2"]


def test_13_16_latest_alone_is_not_deleted_but_the_function_is_with_all_of_it(sdk: Sdk, scoped: str) -> None:
    sdk.refused("delete_function", "FSS.1015", 400, function_urn=f"{scoped}:latest")
    assert triggers(sdk, scoped) == {"latest": 1, "v1": 1, "v2": 1, "!live": 1}
    assert sdk("delete_function", function_urn=scoped).status_code == 204
    sdk.refused("list_function_triggers", "FSS.1051", 404, function_urn=scoped)


def test_13_16_an_additional_version_is_not_deleted_nor_an_alias_with_triggers(sdk: Sdk, scoped: str) -> None:
    body = {"version": "v1", "additional_version_weights": {"v2": 10}}
    sdk("update_version_alias", function_urn=scoped, alias_name="live", body=body)
    sdk.refused("delete_function", "FSS.1094", 403, function_urn=f"{scoped}:v2")
    sdk.refused("delete_version_alias", "FSS.1154", 403, function_urn=scoped, alias_name="live")
    sdk("batch_delete_function_triggers", function_urn=f"{scoped}:!live")
    assert sdk("delete_version_alias", function_urn=scoped, alias_name="live").status_code == 204
    assert sdk("delete_function", function_urn=f"{scoped}:v2").status_code == 204
