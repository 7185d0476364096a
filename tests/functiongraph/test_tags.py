"""Tags through the unmodified SDK; one test an operation."""

from typing import Any

import pytest

from tests.functiongraph.client import Sdk


def change(action: str, **tags: str) -> dict[str, Any]:
    return {"action": action, "tags": [{"key": key, "value": value} for key, value in tags.items()]}


@pytest.fixture
def tagged(sdk: Sdk, function: str, name: str) -> str:
    """A function with the tag team; its value is nobody else's."""
    sdk("create_tags", resource_type="functions", resource_id=function, body=change("create", team=name))
    return function


def test_create_tags(sdk: Sdk, tagged: str, name: str) -> None:
    made = sdk("create_tags", resource_type="functions", resource_id=tagged, body=change("create", team=name, stage="live"))
    assert made.status_code == 204
    shown = sdk("list_function_tags", resource_type="functions", resource_id=tagged)
    assert {tag.key: tag.value for tag in shown.tags} == {"team": name, "stage": "live"}
    many = change("create", **{f"t{number}": "" for number in range(19)})
    sdk.refused("create_tags", "FSS.0403", 403, resource_type="functions", resource_id=tagged, body=many)
    sdk.refused("create_tags", "FSS.0400", 400, resource_type="workflows", resource_id=tagged, body=change("create", a="b"))


def test_delete_tags(sdk: Sdk, tagged: str) -> None:
    gone = sdk("delete_tags", resource_type="functions", resource_id=tagged, body=change("delete", team=""))
    assert gone.status_code == 204
    assert sdk("list_function_tags", resource_type="functions", resource_id=tagged).tags == []


def test_list_function_tags_by_the_resource_id_of_the_configuration(sdk: Sdk, tagged: str, name: str) -> None:
    resource = sdk("show_function_config", function_urn=tagged).resource_id
    shown = sdk("list_function_tags", resource_type="functions", resource_id=resource)
    assert [(tag.key, tag.value) for tag in shown.tags] == [("team", name)]
    sdk.refused("list_function_tags", "FSS.1051", 404, resource_type="functions", resource_id=f"{tagged}x")


def test_show_project_tags_list(sdk: Sdk, tagged: str, name: str) -> None:
    shown = sdk("show_project_tags_list", resource_type="functions")
    assert name in next(tag.values for tag in shown.tags if tag.key == "team")


def test_show_res_instance_info_filters_and_counts(sdk: Sdk, tagged: str, name: str) -> None:
    body = {"matches": [{"key": "team", "value": name}]}
    found = sdk("show_res_instance_info", resource_type="functions", action="filter", body=body)
    assert found.total_count == 1
    assert found.resources[0].resource_detail.detail_id == f"{tagged}:latest"
    assert [(tag.key, tag.value) for tag in found.resources[0].tags] == [("team", name)]
    assert sdk("show_res_instance_info", resource_type="functions", action="count", body=body).total_count == 1
    sdk.refused("show_res_instance_info", "FSS.0400", 400, resource_type="functions", action="sum", body=body)
