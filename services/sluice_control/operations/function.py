"""The operations on functions, their code, configuration and versions."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from starlette.responses import Response

from sluice.errors import Fault, Invalid, Unavailable
from sluice.ledger import Records
from sluice.usage import DAY_S, UsageFilter
from sluice_control import function_answers as answers
from sluice_control.answers.function import Answer, Created, Limited, Published, Shown, Updated, Version, Versions
from sluice_control.answers.function import Functions as FunctionPage
from sluice_control.asgi import MAX_PACKAGE_BODY_BYTES, Call, Operation, json, nothing
from sluice_control.bodies import CreateFunction, CreateVersion, FunctionSettings, UpdateCode, UpdateConfig, UpdateMaxInstances
from sluice_control.decoding import read_object
from sluice_control.keeper import Keeper
from sluice_control.registry import Quotas, VersionRow
from sluice_control.resources.function_code import code_faults, code_type_of, store
from sluice_control.resources.function_rules import (
    Coded,
    code_of,
    concurrency_faults,
    name_faults,
    refuse,
    settings_faults,
    with_rule_faults,
)
from sluice_control.resources.functions import Functions, latest_of, merged
from sluice_control.resources.quotas import NO_BOUND, Used, resources
from sluice_control.resources.targets import Target, target
from sluice_control.series import failures

Settings = TypeVar("Settings", CreateFunction, UpdateConfig)

PAGE = 400


class FunctionApi:
    def __init__(self, control: Keeper, records: Records) -> None:
        self._control = control
        self._records = records
        self._functions = Functions(control.vault, control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        functions = "/v2/{project_id}/fgs/functions"
        one = functions + "/{function_urn}"
        return [
            Operation("list_functions", "GET", functions, "read", self.list, query=("marker", "maxitems", "package_name", "func_name")),
            Operation("create_function", "POST", functions, "write", self.create, CreateFunction, most_bytes=MAX_PACKAGE_BODY_BYTES),
            Operation("delete_function", "DELETE", one, "write", self.delete),
            Operation("show_function_code", "GET", one + "/code", "read", self.show_code),
            Operation(
                "update_function_code", "PUT", one + "/code", "write", self.update_code, UpdateCode, most_bytes=MAX_PACKAGE_BODY_BYTES
            ),
            Operation("show_function_config", "GET", one + "/config", "read", self.show_config),
            Operation("update_function_config", "PUT", one + "/config", "write", self.update_config, UpdateConfig),
            Operation(
                "update_function_max_instance_config",
                "PUT",
                one + "/config-max-instance",
                "write",
                self.update_max_instances,
                UpdateMaxInstances,
            ),
            Operation("list_function_versions", "GET", one + "/versions", "read", self.list_versions, query=("marker", "maxitems")),
            Operation("create_function_version", "POST", one + "/versions", "write", self.publish, CreateVersion),
            Operation("list_quotas", "GET", "/v2/{project_id}/fgs/quotas", "read", self.quotas),
        ]

    async def list(self, call: Call) -> Response:
        marker, limit = call.number("marker", 0, 2**62), call.number("maxitems", PAGE, PAGE)
        where = (call.project, call.query("package_name"), call.query("func_name"))
        count = self._control.view.count_functions(*where)
        rows = self._control.view.list_functions(*where, marker, limit)
        failed = await self._failures(call.project)
        shown = [answers.summary(row, self._control.region) for row in rows]
        if failed is not None:
            shown = [msgspec.structs.replace(each, fail_count=failed.get(each.func_urn.rpartition(":")[0], 0)) for each in shown]
        return json(FunctionPage(functions=shown, next_marker=marker + len(rows), count=count))

    async def _failures(self, project: str) -> dict[str, int] | None:
        """Of the last 24 hours, by function; None while the dispatcher cannot be asked."""
        which = UsageFilter(project, since=self._control.clock.time() - DAY_S, by_time=False, failures_only=True)
        try:
            return failures(await self._records.usage(which))
        except Unavailable:
            return None

    async def create(self, call: Call) -> Response:
        body = _read(call, CreateFunction)
        settings = _settings(body)
        refuse([*name_faults(body.func_name, body.package), *settings_faults(settings), *code_faults(settings, body.func_code)])
        code = await store(settings, body.func_code, self._control.packages)
        settings = msgspec.structs.replace(settings, code_type=code_type_of(settings))
        step = self._functions.create(call.project, body.package, body.func_name, settings, code)
        return self._configuration(Created, await self._control.change(step))

    async def delete(self, call: Call) -> Response:
        await self._control.change(self._functions.delete(self._target(call)))
        await self._control.sweep_sometimes()
        return nothing()

    async def show_config(self, call: Call) -> Response:
        wanted, view = self._target(call), self._control.view
        row = wanted.version(view)
        kept = view.reserved_row(row.function, wanted.urn.qualifier)
        shown = answers.configuration(Shown, row, self._control.region)
        return json(msgspec.structs.replace(shown, reserved_instance_idle_mode=kept.config.idle_mode if kept else None))

    async def update_config(self, call: Call) -> Response:
        body, urn = _read(call, UpdateConfig), self._target(call)
        step = self._functions.update_config(urn, lambda row: _reconfigured(row, body))
        return self._configuration(Updated, await self._control.change(step))

    async def update_max_instances(self, call: Call) -> Response:
        body = call.decode(UpdateMaxInstances, code_of)
        refuse(list(concurrency_faults("max_instance_num", body.max_instance_num)))
        step = self._functions.update_max_instances(self._target(call), body.max_instance_num)
        return self._configuration(Limited, await self._control.change(step))

    async def show_code(self, call: Call) -> Response:
        row = self._target(call).version(self._control.view)
        return json(answers.code(row, self._control.region, call.base_url))

    async def update_code(self, call: Call) -> Response:
        body, urn = call.decode(UpdateCode, code_of), self._target(call)
        settings = _with_code(self._latest(urn).settings, body)
        refuse(list(code_faults(settings, body.func_code)))
        code = await store(settings, body.func_code, self._control.packages)
        step = self._functions.update_code(urn, lambda before: _with_code(before, body), code)
        row = await self._control.change(step)
        await self._control.sweep_sometimes()
        return json(answers.code(row, self._control.region, call.base_url))

    async def list_versions(self, call: Call) -> Response:
        marker, limit = call.number("marker", 0, 2**62), call.number("maxitems", PAGE, PAGE)
        rows = self._control.view.versions(self._target(call).function(self._control.view))
        page = rows[marker : marker + limit]
        shown = [self._version(Version, row) for row in page]
        return json(Versions(versions=shown, next_marker=marker + len(page), count=len(rows)))

    async def publish(self, call: Call) -> Response:
        body = call.decode(CreateVersion, code_of)
        return json(self._version(Published, await self._control.change(self._functions.publish(self._target(call), body))))

    async def quotas(self, call: Call) -> Response:
        view = self._control.view
        project = view.project_row(call.project)
        own = project.quotas if project else Quotas()
        used = Used(view.count_functions(call.project), view.code_bytes(call.project) // 2**20)
        functions = self._control.limits.functions if own.functions is None else own.functions
        return json({"quotas": {"resources": resources(used, functions, NO_BOUND if own.code_mb is None else own.code_mb)}})

    def _target(self, call: Call) -> Target:
        return target(call.path("function_urn"), self._control.region, call.project)

    def _latest(self, urn: Target) -> VersionRow:
        return latest_of(self._control.view, urn)

    def _configuration(self, kind: type[Answer], row: VersionRow) -> Response:
        return json(answers.configuration(kind, row, self._control.region))

    def _version(self, kind: type[Answer], row: VersionRow) -> Answer:
        known = self._control.view.async_row(row.function, row.name)
        return answers.version(kind, row, known, self._control.region)


def _read(call: Call, kind: type[Settings]) -> Settings:
    """Raises Invalid with every fault: of the shape, and of what is known of the rest."""
    try:
        return call.decode(kind, code_of)
    except Invalid as refused:
        if refused.faults and refused.faults[0].field:
            raise with_rule_faults(refused, read_object(call.body)) from None
        raise


def _reconfigured(row: VersionRow, body: UpdateConfig) -> FunctionSettings:
    """The configuration after the change. What cannot change is refused."""
    settings = merged(row.settings, _settings(body))
    refuse([*_fixed_faults(row, body), *settings_faults(settings)])
    return settings


def _fixed_faults(row: VersionRow, body: UpdateConfig) -> Iterator[Coded]:
    if body.func_name != row.function.name:
        yield ("FSS.1002", Fault("func_name", f"is {body.func_name[:60]!r}; the name of a function cannot be changed"))
    if body.runtime != row.settings.runtime:
        yield ("FSS.1005", Fault("runtime", f"is {row.settings.runtime!r} and cannot be changed"))


def _settings(body: CreateFunction | UpdateConfig) -> FunctionSettings:
    return FunctionSettings(**{name: getattr(body, name) for name in FunctionSettings.__struct_fields__})


def _with_code(settings: FunctionSettings, body: UpdateCode) -> FunctionSettings:
    return merged(
        settings,
        FunctionSettings(
            code_type=body.code_type or None,
            code_url=body.code_url,
            code_filename=body.code_filename,
            depend_version_list=body.depend_version_list,
            code_encrypt_kms_key_id=body.code_encrypt_kms_key_id,
        ),
    )
