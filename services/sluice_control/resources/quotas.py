"""FunctionGraph's quotas as this place has them; pure. -1: no bound but the machine's."""

from typing import Any

import msgspec

NO_BOUND = -1
IDLE_S = 60
"""How long an instance without calls is kept (`RunnerOptions.idle_s`)."""
MOST_ON_DEMAND = 1000
"""The largest maximum of instances that a function can be given."""


class Used(msgspec.Struct, frozen=True):
    """What a project has: functions, and code in MiB."""

    functions: int
    code_mb: int


def resources(used: Used, functions: int, code_mb: int) -> list[dict[str, Any]]:
    """All types of FunctionGraph. Workflows are not served: there can be none."""
    return [
        _resource("fgs_func_scale_down_timeout", IDLE_S),
        _resource("fgs_func_occurs", NO_BOUND),
        _resource("fgs_func_pat_idle_time", NO_BOUND),
        _resource("fgs_func_num", functions, used.functions),
        _resource("fgs_func_code_size", code_mb, used.code_mb, "MB"),
        _resource("fgs_workflow_num", 0),
        _resource("fgs_on_demand_instance_limit", MOST_ON_DEMAND),
        _resource("fgs_func_qos_limit", NO_BOUND),
    ]


def _resource(kind: str, quota: int, used: int = 0, unit: str = "") -> dict[str, Any]:
    return {"type": kind, "quota": quota, "used": used, "unit": unit}
