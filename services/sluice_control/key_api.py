"""The operations on access keys; for admins only."""

from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import CreateKey
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.mesh_answers import key
from sluice_control.registry import Edit

ROLES = ("admin", "deployer", "invoker", "reader")


class KeyApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        keys = "/sluice/v1/{project_id}/keys"
        return [
            Operation("list_keys", "GET", keys, "admin", self.list),
            Operation("create_key", "POST", keys, "admin", self.create, CreateKey),
            Operation("revoke_key", "DELETE", keys + "/{access_key}", "admin", self.revoke),
        ]

    async def list(self, call: Call) -> Response:
        return json({"keys": [key(row) for row in self._control.view.keys(call.project)]})

    async def create(self, call: Call) -> Response:
        """The one answer that holds a secret: that of the key it made."""
        body = call.decode(CreateKey)
        if body.role not in ROLES:
            raise Invalid([Fault("role", f"is {body.role[:20]!r}, and is one of {', '.join(ROLES)}")])
        if len(body.description) > 512:
            raise Invalid([Fault("description", "is longer than 512 characters")])
        row = await self._control.create_key(call.project, body.role, body.description)
        return json(key(row) | {"secret_key": self._control.teller.key(row).secret_key}, 201)

    async def revoke(self, call: Call) -> Response:
        """The last admin key stays: without it nobody could make another."""
        wanted = call.path("access_key")

        def step(edit: Edit) -> None:
            rows = {row.access_key: row for row in edit.keys(call.project)}
            if wanted not in rows:
                raise Refused("FSS.0404")
            if rows[wanted].role == "admin" and sum(row.role == "admin" for row in rows.values()) == 1:
                raise Refused("FSS.0403", "It is the last admin key.")
            edit.remove_key(wanted)

        await self._control.change(step)
        return nothing()
