"""The operations that take a function out as a file and put it in again."""

import asyncio
import base64
import binascii

import msgspec
from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice_control import function_answers
from sluice_control.answers.transfer import Imported
from sluice_control.asgi import MAX_PACKAGE_BODY_BYTES, Call, Operation, json
from sluice_control.bodies import FuncCode, FunctionSettings, ImportFunction
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.nouns import image_of
from sluice_control.registry import Edit, VersionRow
from sluice_control.resources import transfer
from sluice_control.resources.function_code import Code, code_faults, code_type_of, store
from sluice_control.resources.function_rules import ZIP, code_of, name_faults, refuse, settings_faults
from sluice_control.resources.functions import Functions, Step
from sluice_control.resources.targets import target

_WHAT = {"code": (False, True), "config": (True, False)}


class TransferApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control
        self._functions = Functions(control.vault, control.limits, control.now_ms)

    def operations(self) -> list[Operation]:
        functions = "/v2/{project_id}/fgs/functions"
        return [
            Operation(
                "export_function", "GET", functions + "/{function_urn}/export", "read", self.export, query=("config", "code", "type")
            ),
            Operation(
                "import_function",
                "POST",
                functions + "/import",
                "write",
                self.take_in,
                ImportFunction,
                most_bytes=MAX_PACKAGE_BODY_BYTES,
            ),
        ]

    async def export(self, call: Call) -> Response:
        """A zip: of the configuration and the package, or only one of them."""
        config, code = _wanted(call)
        row = target(call.path("function_urn"), self._control.region, call.project).version(self._control.view)
        if code and not config and not row.digest:
            raise Refused("FSS.1012", "The function is an image: it has no package.")
        package = b"".join([part async for part in self._control.packages.read(row.digest)]) if code and row.digest else None
        name = row.function.name
        if package is not None and not config:
            file = package
        else:
            file = await asyncio.to_thread(transfer.written, name, row.settings if config else None, package)
        return Response(file, 200, {"Content-Disposition": f'attachment; filename="{name}.zip"'}, "application/octet-stream")

    async def take_in(self, call: Call) -> Response:
        """Creates the function, or gives the one that is there this configuration and this code."""
        body = call.decode(ImportFunction, code_of)
        if body.file_type.lower() != ZIP:
            raise Invalid([Fault("file_type", f"is {body.file_type[:20]!r}, and is zip")], "FSS.1013")
        refuse(list(name_faults(body.func_name, body.package)))
        found = await asyncio.to_thread(_read, body)
        if found.package:  # a package now, however its code once came in
            found = msgspec.structs.replace(found, settings=msgspec.structs.replace(found.settings, code_type=ZIP))
        refuse(list(settings_faults(found.settings)))
        code = await self._stored(found)
        settings = msgspec.structs.replace(found.settings, code_type=code_type_of(found.settings))
        row = await self._control.change(self._step(call.project, body, settings, code))
        await self._control.sweep_sometimes()
        return json(function_answers.configuration(Imported, row, self._control.region))

    async def _stored(self, found: transfer.Imported) -> Code | None:
        """None: the file brings no code, and the function keeps its own."""
        if not found.package and not image_of(found.settings):
            return None
        given = FuncCode(file=base64.b64encode(found.package).decode()) if found.package else None
        refuse(list(code_faults(found.settings, given)))
        return await store(found.settings, given, self._control.packages)

    def _step(self, project: str, body: ImportFunction, settings: FunctionSettings, code: Code | None) -> Step:
        wanted = target(f"{project}:{body.package}:{body.func_name}", self._control.region, project)

        def step(edit: Edit) -> VersionRow:
            if edit.function(project, body.package, body.func_name) is None:
                if code is None:
                    raise Refused("FSS.1012", "file_code: holds no .zip file with the code of a function that is not there yet.")
                return self._functions.create(project, body.package, body.func_name, settings, code)(edit)
            before = wanted.version(edit)
            _check_runtime(before, settings)
            kept = code or Code(before.digest, before.code_size)
            return self._functions.update_code(wanted, lambda _: settings, kept)(edit)

        return step


def _wanted(call: Call) -> tuple[bool, bool]:
    """Whether the configuration, and whether the code. Raises Invalid (FSS.1001)."""
    kind = call.query("type")
    config, code = (_is_true(call, name) for name in ("config", "code"))
    if kind and (config or code):
        raise Invalid([Fault("type", "does not go together with config and code")], "FSS.1001")
    if kind and kind not in _WHAT:
        raise Invalid([Fault("type", f"is {kind[:20]!r}, and is code or config")], "FSS.1001")
    if not kind and not config and not code:
        raise Invalid([Fault("config", "is true, or code is, or type says what to export")], "FSS.1001")
    return _WHAT[kind] if kind else (config, code)


def _is_true(call: Call, name: str) -> bool:
    text = call.query(name).lower()
    if text not in ("", "true", "false"):
        raise Invalid([Fault(name, f"is {text[:20]!r}, and is true or false")], "FSS.1001")
    return text == "true"


def _read(body: ImportFunction) -> transfer.Imported:
    try:
        file = base64.b64decode(body.file_code, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid([Fault("file_code", "is not Base64")], "FSS.1011") from None
    return transfer.read(body.func_name, file)


def _check_runtime(before: VersionRow, settings: FunctionSettings) -> None:
    if settings.runtime != before.settings.runtime:
        raise Refused("FSS.1005", f"runtime: is {before.settings.runtime!r} and cannot be changed.")
