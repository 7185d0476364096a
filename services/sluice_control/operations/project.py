"""The operations on projects: for admins of the first one, who are those of the mesh."""

import re
import secrets
from typing import Any

import msgspec
from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice_control.asgi import Call, Operation, json
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.mesh_answers import shown_key
from sluice_control.registry import Edit, ProjectRow, Quotas
from sluice_control.resources.keys import NewKey, new_key

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
LONGEST_DESCRIPTION = 512


class CreateProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`quotas` that are left out are those of any project."""

    name: str
    description: str = ""
    quotas: Quotas = Quotas()


class ProjectApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        projects = "/sluice/v1/{project_id}/projects"
        return [
            Operation("list_projects", "GET", projects, "admin", self.list),
            Operation("create_project", "POST", projects, "admin", self.create, CreateProject),
            Operation("keystone_list_projects", "GET", "/v3/projects", "known", self.named, query=("name",)),
        ]

    async def list(self, call: Call) -> Response:
        check_mesh_admin(call, self._control)
        return json({"projects": [_told(row) for row in self._control.view.projects()]})

    async def create(self, call: Call) -> Response:
        """Answers with the project and its first admin key, whose secret is shown this once."""
        check_mesh_admin(call, self._control)
        body = call.decode(CreateProject)
        faults = list(_faults(body))
        if faults:
            raise Invalid(faults)
        now_ms = self._control.now_ms()
        project = ProjectRow(secrets.token_hex(16), body.name, now_ms, body.description, body.quotas)
        first = new_key(self._control.vault, NewKey(project.id, "admin", "first key"), now_ms)

        def step(edit: Edit) -> None:
            if edit.project_row(body.name):
                raise Refused("FSS.0409", "A project of that name.")
            edit.put_project(project)
            edit.put_key(first)

        await self._control.change(step)
        return json({"project": _told(project), "key": shown_key(first, self._control.teller.key(first))}, 201)

    async def named(self, call: Call) -> Response:
        """The sender's own project, if `name` is its name or, as FunctionGraph's own projects are called, that of the region."""
        row = self._control.view.project_row(call.project)
        wanted = call.query("name")
        rows = [row] if row and wanted in ("", row.name, row.id, self._control.region) else []
        return json({"projects": [_keystone(row, wanted) for row in rows], "links": {"self": call.base_url + "/v3/projects"}})


def check_mesh_admin(call: Call, control: Keeper) -> None:
    if call.project != control.project or call.identity.role != "admin":
        raise Refused("FSS.0403", "Projects are the business of the first project's admins.")


def _faults(body: CreateProject) -> "list[Fault]":
    faults = []
    if not _NAME.fullmatch(body.name):
        faults.append(Fault("name", f"is {body.name[:70]!r}, and has 1-64 letters, digits, _ or -, of which the first is a letter"))
    if len(body.description) > LONGEST_DESCRIPTION:
        faults.append(Fault("description", f"is longer than {LONGEST_DESCRIPTION} characters"))
    for name, number in msgspec.structs.asdict(body.quotas).items():
        if number is not None and number < 0:
            faults.append(Fault(f"quotas.{name}", f"is {number}, and is at least 0"))
    return faults


def _told(row: ProjectRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "created_at": row.created_ms / 1000,
        "quotas": msgspec.to_builtins(row.quotas),
    }


def _keystone(row: ProjectRow, name: str) -> dict[str, Any]:
    """As the IAM service lists it; under the name by which it was asked for."""
    shown = row.name if name == row.id else name or row.name
    links = {"self": f"/v3/projects/{row.id}"}
    about = {"is_domain": False, "enabled": True, "domain_id": row.id, "parent_id": row.id, "description": row.description}
    return {"id": row.id, "name": shown, "links": links, **about}
