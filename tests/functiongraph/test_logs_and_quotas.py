"""The names of logs and the quotas through the unmodified SDK; one test an operation."""

from tests.functiongraph.client import Sdk


def test_enable_async_status_log(sdk: Sdk) -> None:
    assert sdk("enable_async_status_log").status_code == 200
    assert sdk("enable_async_status_log").status_code == 200


def test_show_project_async_status_log_info(sdk: Sdk) -> None:
    sdk("enable_async_status_log")
    shown = sdk("show_project_async_status_log_info")
    assert all((shown.group_name, shown.group_id, shown.stream_name, shown.stream_id))


def test_show_lts_log_details(sdk: Sdk, function: str) -> None:
    shown = sdk("show_lts_log_details", function_urn=function)
    assert shown.stream_name == f"default-{function.rpartition(':')[2]}"
    assert all((shown.group_name, shown.group_id, shown.stream_id))
    sdk.refused("show_lts_log_details", "FSS.1051", 404, function_urn=f"{function}x")


def test_list_quotas_has_every_type(sdk: Sdk, function: str) -> None:
    resources = {each.type: each for each in sdk("list_quotas").quotas.resources}
    assert set(resources) == {
        "fgs_func_scale_down_timeout",
        "fgs_func_occurs",
        "fgs_func_pat_idle_time",
        "fgs_func_num",
        "fgs_func_code_size",
        "fgs_workflow_num",
        "fgs_on_demand_instance_limit",
        "fgs_func_qos_limit",
    }
    assert resources["fgs_func_num"].used >= 1
    assert resources["fgs_func_code_size"].unit == "MB"
