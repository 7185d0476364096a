"""The operations on access keys; for admins only."""

from collections.abc import Iterator

from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice.identity import APP, RIGHTS
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import CreateKey
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.mesh_answers import key, shown_key
from sluice_control.registry import TriggerRow
from sluice_control.resources.allowance import MOST_KEYS
from sluice_control.resources.keys import NewKey, new_key, put, revoke
from sluice_control.resources.triggers import auth_of

SHORTEST_TTL_S, LONGEST_TTL_S = 60, 365 * 86_400
MOST_TRIGGERS = 100
"""To which one app is bound."""


class KeyApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        keys = "/sluice/v1/{project_id}/keys"
        return [
            Operation("list_keys", "GET", keys, "admin", self.list, query=("project",)),
            Operation("create_key", "POST", keys, "admin", self.create, CreateKey),
            Operation("revoke_key", "DELETE", keys + "/{access_key}", "admin", self.revoke, query=("project",)),
        ]

    async def list(self, call: Call) -> Response:
        rows = self._control.view.keys(self._project(call, call.query("project")))
        now_ms = self._control.now_ms()
        return json({"keys": [key(row) for row in rows if not row.expires_ms or row.expires_ms > now_ms]})

    async def create(self, call: Call) -> Response:
        """The one answer that holds a secret: those of the key it made."""
        body = call.decode(CreateKey)
        project = self._project(call, body.project)
        faults = [*_faults(body), *self._trigger_faults(body, project)]
        if faults:
            raise Invalid(faults)
        now_ms = self._control.now_ms()
        expires_ms = now_ms + body.ttl * 1000 if body.ttl else 0
        new = NewKey(project, body.role, body.description, expires_ms, tuple(dict.fromkeys(body.triggers)))
        row = await self._control.change(put(new_key(self._control.vault, new, now_ms), MOST_KEYS, now_ms))
        return json(shown_key(row, self._control.teller.key(row)), 201)

    async def revoke(self, call: Call) -> Response:
        project = self._project(call, call.query("project"))
        await self._control.change(revoke(project, call.path("access_key")))
        return nothing()

    def _project(self, call: Call, named: str) -> str:
        """The project meant: the sender's own, or any for an admin of the first. Raises Refused (FSS.0404), whether it exists or not."""
        row = self._control.view.project_row(named or call.project)
        if row is None or call.project not in (row.id, self._control.project):
            raise Refused("FSS.0404")
        return row.id

    def _trigger_faults(self, body: CreateKey, project: str) -> Iterator[Fault]:
        if body.triggers and body.role != APP:
            yield Fault("triggers", f"are what a key of the role {APP} is bound to")
        if len(body.triggers) > MOST_TRIGGERS:
            yield Fault("triggers", f"are {len(body.triggers)}, and are at most {MOST_TRIGGERS}")
        for trigger in body.triggers[:MOST_TRIGGERS]:
            if not _is_for_apps(self._control.view.trigger(project, trigger)):
                yield Fault("triggers", f"{trigger[:64]!r} is not the id of a trigger whose auth is APP")


def _is_for_apps(row: TriggerRow | None) -> bool:
    return row is not None and auth_of(row) == "APP"


def _faults(body: CreateKey) -> Iterator[Fault]:
    if body.role not in RIGHTS:
        yield Fault("role", f"is {body.role[:20]!r}, and is one of {', '.join(RIGHTS)}")
    if body.ttl and not SHORTEST_TTL_S <= body.ttl <= LONGEST_TTL_S:
        yield Fault("ttl", f"is {body.ttl}, and is 0 or {SHORTEST_TTL_S}-{LONGEST_TTL_S} seconds")
    if len(body.description) > 512:
        yield Fault("description", "is longer than 512 characters")
