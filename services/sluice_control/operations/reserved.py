"""The operations on reserved instances."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from sluice_control.asgi import Call, Operation, json
from sluice_control.bodies import ReservedInstances, TacticsConfig
from sluice_control.keeper import Keeper
from sluice_control.registry import ReservedRow
from sluice_control.resources.reserved import Reserved, reservation
from sluice_control.resources.targets import Target, target

_PAGE = 100
_MOST = 500


class ReservedApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control
        self._reserved = Reserved(control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        functions = "/v2/{project_id}/fgs/functions"
        return [
            Operation(
                "update_function_reserved_instances_count",
                "PUT",
                functions + "/{function_urn}/reservedinstances",
                "write",
                self.update,
                ReservedInstances,
            ),
            Operation(
                "list_function_reserved_instances",
                "GET",
                functions + "/reservedinstances",
                "read",
                self.list,
                query=("marker", "limit", "urn"),
            ),
            Operation(
                "list_reserved_instance_configs",
                "GET",
                functions + "/reservedinstanceconfigs",
                "read",
                self.list_configs,
                query=("function_urn", "marker", "limit"),
            ),
        ]

    async def update(self, call: Call) -> Response:
        body = call.decode(ReservedInstances)
        wanted = target(call.path("function_urn"), self._control.region, call.project)
        kept = await self._control.change(self._reserved.put(wanted, body))
        return json({"count": kept.count, "idle_mode": kept.idle_mode, "tactics_config": _tactics(kept.tactics_config)})

    async def list(self, call: Call) -> Response:
        """With the numbers that are in force now, by the clock."""
        now = self._control.clock.time()
        told = [reservation(row, self._control.region) for row in self._rows(call, call.query("urn"))]
        return _page(call, "reservedinstances", [{"func_urn": each.urn, "count": each.scheduled(now)} for each in told])

    async def list_configs(self, call: Call) -> Response:
        shown = [self._config(row) for row in self._rows(call, call.query("function_urn"))]
        return _page(call, "reserved_instances", shown)

    def _rows(self, call: Call, text: str) -> Sequence[ReservedRow]:
        """Of the project; of a function, or of the version or alias that is named."""
        rows = self._control.view.reserved_rows(call.project)
        if not text:
            return rows
        wanted: Target = target(text, self._control.region, call.project)
        function = wanted.function(self._control.view)
        return [row for row in rows if row.function.id == function.id and (not wanted.explicit or row.qualifier == wanted.urn.qualifier)]

    def _config(self, row: ReservedRow) -> dict[str, Any]:
        by_alias = row.qualifier.startswith("!")
        return {
            "function_urn": str(row.function.urn(self._control.region, row.qualifier)),
            "qualifier_type": "alias" if by_alias else "version",
            "qualifier_name": row.qualifier.removeprefix("!"),
            "min_count": row.config.count,
            "idle_mode": row.config.idle_mode,
            "tactics_config": _tactics(row.config.tactics_config),
        }


def _tactics(tactics: TacticsConfig) -> dict[str, Any]:
    return {
        "cron_configs": [msgspec.structs.asdict(each) for each in tactics.cron_configs],
        "metric_configs": [msgspec.structs.asdict(each) for each in tactics.metric_configs],
    }


def _page(call: Call, name: str, shown: Sequence[dict[str, Any]]) -> Response:
    marker, limit = call.number("marker", 0, 2**62), call.number("limit", _PAGE, _MOST)
    page = shown[marker : marker + limit]
    info = {"next_marker": marker + len(page), "previous_marker": marker, "current_count": len(page)}
    return json({name: page, "page_info": info, "count": len(shown)})
