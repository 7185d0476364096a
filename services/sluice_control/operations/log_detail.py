"""The operations that name logs. The logs themselves are kept here: what functions print by the runner, the states of asynchronous
invocations by the dispatcher; so the names say where in FunctionGraph's words, and nothing has to be switched on for them to be kept."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from starlette.responses import Response

from sluice_control.asgi import Call, Operation, json
from sluice_control.bodies import Nothing
from sluice_control.keeper import Keeper
from sluice_control.resources.targets import target

_STATUS_GROUP = "functiongraph.async.status"


class LogDetailApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        functions = "/v2/{project_id}/fgs/functions"
        return [
            Operation("show_project_async_status_log_info", "GET", functions + "/async-status-log-detail", "read", self.show_status),
            Operation("enable_async_status_log", "POST", functions + "/enable-async-status-logs", "write", self.enable_status, Nothing),
            Operation("show_lts_log_details", "GET", functions + "/{function_urn}/lts-log-detail", "read", self.show_function),
        ]

    async def show_status(self, call: Call) -> Response:
        """The group and stream of the project once it was enabled; empty names before."""
        enabled = self._control.view.status_log_since(call.project) is not None
        return json(_named(f"{_STATUS_GROUP}.{call.project}", _STATUS_GROUP) if enabled else dict.fromkeys(_named("", ""), ""))

    async def enable_status(self, call: Call) -> Response:
        """Once for the project; a second time changes nothing."""
        call.decode(Nothing)
        now_ms = self._control.now_ms()
        await self._control.change(lambda edit: edit.put_status_log(call.project, now_ms))
        return Response(status_code=200)

    async def show_function(self, call: Call) -> Response:
        """The group and stream that the function's configuration names, else those that it has by itself."""
        row = target(call.path("function_urn"), self._control.region, call.project).version(self._control.view)
        own = _named(f"functiongraph.log.group.{call.project}", f"{row.function.package}-{row.function.name}")
        given = row.settings.log_config or {}
        return json({name: given.get(name) or value for name, value in own.items()})


def _named(group: str, stream: str) -> dict[str, Any]:
    """Names, and ids that are the same each time."""
    return {
        "group_name": group,
        "group_id": str(uuid5(NAMESPACE_URL, group)),
        "stream_id": str(uuid5(NAMESPACE_URL, f"{group}/{stream}")),
        "stream_name": stream,
    }
