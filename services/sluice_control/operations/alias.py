"""The operations on aliases."""

from typing import Any

from starlette.responses import Response

from sluice_control.answers.alias import Alias, ShortAlias
from sluice_control.answers.function import Answer, of
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import CreateAlias, UpdateAlias, VersionStrategy
from sluice_control.keeper import Keeper
from sluice_control.registry import AliasRow
from sluice_control.resources.alias_rules import code_of
from sluice_control.resources.aliases import Aliases, find
from sluice_control.resources.targets import Target, target
from sluice_control.times import rfc3339


class AliasApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control
        self._aliases = Aliases(control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        aliases = "/v2/{project_id}/fgs/functions/{function_urn}/aliases"
        one = aliases + "/{alias_name}"
        return [
            Operation("list_version_aliases", "GET", aliases, "read", self.list),
            Operation("create_version_alias", "POST", aliases, "write", self.create, CreateAlias),
            Operation("show_version_alias", "GET", one, "read", self.show),
            Operation("update_version_alias", "PUT", one, "write", self.update, UpdateAlias),
            Operation("delete_version_alias", "DELETE", one, "write", self.delete),
        ]

    async def list(self, call: Call) -> Response:
        function = self._target(call).function(self._control.view)
        return json([self._shown(ShortAlias, row) for row in self._control.view.aliases(function)])

    async def create(self, call: Call) -> Response:
        body = call.decode(CreateAlias, code_of)
        return json(self._shown(Alias, await self._control.change(self._aliases.create(self._target(call), body))))

    async def show(self, call: Call) -> Response:
        return json(self._shown(Alias, find(self._control.view, self._target(call), call.path("alias_name"))))

    async def update(self, call: Call) -> Response:
        body = call.decode(UpdateAlias, code_of)
        step = self._aliases.update(self._target(call), call.path("alias_name"), body)
        return json(self._shown(ShortAlias, await self._control.change(step)))

    async def delete(self, call: Call) -> Response:
        await self._control.change(self._aliases.delete(self._target(call), call.path("alias_name")))
        return nothing()

    def _target(self, call: Call) -> Target:
        return target(call.path("function_urn"), self._control.region, call.project)

    def _shown(self, kind: type[Answer], row: AliasRow) -> Answer:
        shown: dict[str, Any] = {
            "name": row.name,
            "version": row.version,
            "description": row.description,
            "last_modified": rfc3339(row.modified_ms),
            "alias_urn": str(row.function.urn(self._control.region, f"!{row.name}")),
            "additional_version_weights": {row.additional: row.weight} if row.additional and not row.strategy else None,
            "additional_version_strategy": {row.additional: _strategy(row.strategy)} if row.strategy else None,
        }
        return of(kind, shown)


def _strategy(strategy: VersionStrategy) -> dict[str, Any]:
    rules = [{"rule_type": rule.rule_type, "param": rule.param, "op": rule.op, "value": rule.value} for rule in strategy.rules]
    return {"combine_type": strategy.combine_type, "rules": rules}
