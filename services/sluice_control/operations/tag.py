"""The operations on tags, of functions: the only resource type."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice.urn import LATEST
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import ChangeTags, SelectResources
from sluice_control.keeper import Keeper
from sluice_control.registry import FunctionRow, TagRow, View
from sluice_control.resources import tags
from sluice_control.resources.tags import Tagged, by_function, function_of, matches, together

_PAGE = 1000
_ACTIONS = ("filter", "count")


class TagApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        resources = "/v2/{project_id}/{resource_type}"
        one = resources + "/{resource_id}/tags"
        return [
            Operation("show_res_instance_info", "POST", resources + "/resource-instances/{action}", "read", self.select, SelectResources),
            Operation("show_project_tags_list", "GET", resources + "/tags", "read", self.of_project),
            Operation("list_function_tags", "GET", one, "read", self.of_function),
            Operation("create_tags", "POST", one + "/create", "write", self.create, ChangeTags),
            Operation("delete_tags", "DELETE", one + "/delete", "write", self.delete, ChangeTags),
        ]

    async def select(self, call: Call) -> Response:
        """`filter` answers a page of the functions that are meant, `count` only how many there are."""
        _check_type(call)
        action = call.path("action")
        if action not in _ACTIONS:
            raise Invalid([Fault("action", f"is {action[:20]!r}, and is filter or count")])
        body = call.decode(SelectResources)
        limit, offset = _number("limit", body.limit) or _PAGE, _number("offset", body.offset)
        found = [one for one in self._tagged(call.project) if matches(body, one)]
        if action == "count":
            return json({"total_count": len(found)})
        return json({"resources": [self._shown(one) for one in found[offset : offset + limit]], "total_count": len(found)})

    async def of_project(self, call: Call) -> Response:
        _check_type(call)
        rows = [tag for _, tag in self._control.view.project_tags(call.project)]
        return json({"tags": together(rows, system=False), "sys_tags": together(rows, system=True)})

    async def of_function(self, call: Call) -> Response:
        return json(_shown_tags(self._control.view.tags(self._function(call, self._control.view))))

    async def create(self, call: Call) -> Response:
        await self._control.change(tags.put(lambda view: self._function(call, view), call.decode(ChangeTags), self._control.limits))
        return nothing()

    async def delete(self, call: Call) -> Response:
        await self._control.change(tags.remove(lambda view: self._function(call, view), call.decode(ChangeTags)))
        return nothing()

    def _function(self, call: Call, view: View) -> FunctionRow:
        _check_type(call)
        return function_of(view, call.path("resource_id"), self._control.region, call.project)

    def _tagged(self, project: str) -> list[Tagged]:
        view = self._control.view
        known = by_function(view.project_tags(project))
        return [Tagged(function, known.get(function.id, ())) for function in view.functions(project)]

    def _shown(self, one: Tagged) -> dict[str, Any]:
        return {
            "resource_id": f"{one.function.id}:{LATEST}",
            "resource_detail": {"detailId": str(one.function.urn(self._control.region, LATEST))},
            "resource_name": one.function.name,
            **_shown_tags(one.tags),
        }


def _shown_tags(rows: Sequence[TagRow]) -> dict[str, Any]:
    def of(system: bool) -> list[dict[str, str]]:
        return [{"key": row.name, "value": row.value} for row in rows if row.system is system]

    return {"tags": of(False), "sys_tags": of(True)}


def _check_type(call: Call) -> None:
    kind = call.path("resource_type")
    if kind != tags.RESOURCE_TYPE:
        raise Invalid([Fault("resource_type", f"is {kind[:40]!r}, and is {tags.RESOURCE_TYPE}")])


def _number(field: str, value: str | int) -> int:
    text = str(value or 0)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid([Fault(field, f"is {text[:20]!r}, and is a whole number from 0")])
    return int(text)
