"""The audit trail, read."""

import msgspec
from starlette.responses import Response

from sluice_control.asgi import Call, Operation, json
from sluice_control.keeper import Keeper

_PAGE, _MOST = 100, 1000


class TrailApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        return [Operation("list_traces", "GET", "/sluice/v1/{project_id}/traces", "admin", self.traces, query=("before", "limit"))]

    async def traces(self, call: Call) -> Response:
        """The newest first."""
        limit = call.number("limit", _PAGE, _MOST)
        rows = self._control.view.traces(call.project, call.number("before", 0, 2**62), limit)
        shown = [msgspec.Raw(row.trace.encode()) for row in rows]
        return json({"traces": shown, "next": rows[-1].id if len(rows) == limit else 0})
