"""The operations on test events."""

from typing import Any

from starlette.responses import Response

from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import CreateEvent, UpdateEvent
from sluice_control.keeper import Keeper
from sluice_control.registry import EventRow
from sluice_control.resources.sample_events import SampleEvents, find
from sluice_control.resources.targets import Target, target


class EventApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control
        self._events = SampleEvents(control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        events = "/v2/{project_id}/fgs/functions/{function_urn}/events"
        one = events + "/{event_id}"
        return [
            Operation("list_events", "GET", events, "read", self.list),
            Operation("create_event", "POST", events, "write", self.create, CreateEvent),
            Operation("show_event", "GET", one, "read", self.show),
            Operation("update_event", "PUT", one, "write", self.update, UpdateEvent),
            Operation("delete_event", "DELETE", one, "write", self.delete),
        ]

    async def list(self, call: Call) -> Response:
        rows = self._control.view.test_events(self._target(call).function(self._control.view))
        shown = [{"id": row.id, "last_modified": row.modified_ms / 1000, "name": row.name} for row in rows]
        return json({"count": len(shown), "events": shown, "next_marker": len(shown)})

    async def create(self, call: Call) -> Response:
        body = call.decode(CreateEvent, code_of)
        return json(_named(await self._control.change(self._events.create(self._target(call), body.name, body.content))))

    async def show(self, call: Call) -> Response:
        row = find(self._control.view, self._target(call), call.path("event_id"))
        return json(_named(row) | {"content": row.content, "last_modified": row.modified_ms / 1000})

    async def update(self, call: Call) -> Response:
        body = call.decode(UpdateEvent, code_of)
        step = self._events.update(self._target(call), call.path("event_id"), body.content)
        return json(_named(await self._control.change(step)))

    async def delete(self, call: Call) -> Response:
        await self._control.change(self._events.delete(self._target(call), call.path("event_id")))
        return nothing()

    def _target(self, call: Call) -> Target:
        return target(call.path("function_urn"), self._control.region, call.project)


def code_of(_field: str) -> str:
    return "FSS.1074"


def _named(row: EventRow) -> dict[str, Any]:
    return {"id": row.id, "name": row.name}
