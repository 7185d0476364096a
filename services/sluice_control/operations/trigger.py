"""The operations on triggers."""

from starlette.responses import Response

from sluice_control import trigger_answers as answers
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import CreateTrigger, UpdateTrigger
from sluice_control.keeper import Keeper
from sluice_control.registry import TriggerRow
from sluice_control.resources.targets import Target, target
from sluice_control.resources.triggers import Triggers, find


class TriggerApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control
        self._triggers = Triggers(control.vault, control.kinds, control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        all_of = "/v2/{project_id}/fgs/triggers/{function_urn}"
        one = all_of + "/{trigger_type_code}/{trigger_id}"
        return [
            Operation("list_trigger_types", "GET", "/v2/{project_id}/fgs/triggertypes", "read", self.types),
            Operation("list_function_triggers", "GET", all_of, "read", self.list),
            Operation("create_function_trigger", "POST", all_of, "write", self.create, CreateTrigger),
            Operation("batch_delete_function_triggers", "DELETE", all_of, "write", self.delete_all),
            Operation("show_function_trigger", "GET", one, "read", self.show),
            Operation("update_trigger", "PUT", one, "write", self.update, UpdateTrigger),
            Operation("delete_function_trigger", "DELETE", one, "write", self.delete),
        ]

    async def types(self, call: Call) -> Response:
        return json([answers.type_model(code, kind) for code, kind in sorted(self._control.kinds.items())])

    async def list(self, call: Call) -> Response:
        urn, view = self._target(call), self._control.view
        function = urn.function(view)
        urn.version(view)
        rows = [row for row in view.triggers(function) if row.qualifier == urn.urn.qualifier]
        return json([answers.trigger(row, self._control.region, call.base_url) for row in rows])

    async def create(self, call: Call) -> Response:
        body = call.decode(CreateTrigger)
        row = await self._control.change(self._triggers.create(self._target(call), body))
        return self._shown(call, row, 201)

    async def show(self, call: Call) -> Response:
        return self._shown(call, find(self._control.view, *self._named(call)))

    async def update(self, call: Call) -> Response:
        body = call.decode(UpdateTrigger)
        return self._shown(call, await self._control.change(self._triggers.update(*self._named(call), body)))

    async def delete(self, call: Call) -> Response:
        await self._control.change(self._triggers.delete(*self._named(call)))
        return nothing()

    async def delete_all(self, call: Call) -> Response:
        await self._control.change(self._triggers.delete_all(self._target(call)))
        return nothing()

    def _target(self, call: Call) -> Target:
        return target(call.path("function_urn"), self._control.region, call.project)

    def _named(self, call: Call) -> tuple[Target, str, str]:
        return self._target(call), call.path("trigger_type_code"), call.path("trigger_id")

    def _shown(self, call: Call, row: TriggerRow, status: int = 200) -> Response:
        return json(answers.trigger(row, self._control.region, call.base_url), status)
