"""What can be done to functions: each change is a pure step on the registry's edit, made from a body that was checked before."""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from sluice.clock import aware
from sluice.urn import LATEST, QUALIFIER
from sluice_control.bodies import CreateVersion, FunctionSettings, StrategyConfig
from sluice_control.fss import Refused
from sluice_control.function_answers import masked
from sluice_control.registry import Edit, FunctionRow, VersionRow, View
from sluice_control.resources.allowance import allowance_of
from sluice_control.resources.function_code import Code
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import Target
from sluice_control.vault import Vault

_NOT_RUN = (
    "description",
    "strategy_config",
    "tags",
    "log_config",
    "enterprise_project_id",
    "lts_custom_tag",
    "extend_config",
    "enable_dynamic_memory",
)
"""Settings that the instances of a function do not depend on."""

Step = Callable[[Edit], VersionRow]


class Functions:
    """Steps on functions and versions; `now_ms` is asked when a step runs."""

    def __init__(self, vault: Vault, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._vault = vault
        self._limits = limits
        self._now_ms = now_ms

    def create(self, project: str, package: str, name: str, settings: FunctionSettings, code: Code) -> Step:
        def step(edit: Edit) -> VersionRow:
            if edit.function(project, package, name):
                raise Refused("FSS.1061")
            if edit.count_functions(project) >= allowance_of(edit, project).functions(self._limits.functions):
                raise Refused("FSS.1041")
            function = edit.add_function(project, package, name, self._now_ms())
            row = VersionRow(function, LATEST, edit.generation(), self._now_ms(), FunctionSettings())
            return self._put(edit, row, settings, code)

        return step

    def update_config(self, target: Target, change: Callable[[VersionRow], FunctionSettings]) -> Step:
        """`change` answers the whole configuration, checked; a masked secret in it means the one that is stored."""

        def step(edit: Edit) -> VersionRow:
            row = latest_of(edit, target)
            return self._put(edit, row, change(row), Code(row.digest, row.code_size))

        return step

    def update_code(self, target: Target, change: Callable[[FunctionSettings], FunctionSettings], code: Code) -> Step:
        def step(edit: Edit) -> VersionRow:
            row = latest_of(edit, target)
            return self._put(edit, row, change(row.settings), code)

        return step

    def update_max_instances(self, target: Target, number: int) -> Step:
        """Of any version: how many instances may run is no part of what was published."""

        def step(edit: Edit) -> VersionRow:
            row = target.version(edit)
            strategy = row.settings.strategy_config or StrategyConfig()
            settings = msgspec.structs.replace(row.settings, strategy_config=msgspec.structs.replace(strategy, concurrency=number))
            changed = msgspec.structs.replace(row, settings=settings)
            edit.put_version(changed)
            return changed

        return step

    def publish(self, target: Target, body: CreateVersion) -> Step:
        def step(edit: Edit) -> VersionRow:
            latest = latest_of(edit, target)
            versions = edit.versions(latest.function)
            name = body.version or aware(self._now_ms() / 1000).strftime("v%Y%m%d-%H%M%S")
            self._may_publish(latest, versions, name, body.digest)
            row = msgspec.structs.replace(
                latest,
                name=name,
                generation=edit.generation(),
                published_from=latest.generation,
                modified_ms=self._now_ms(),
                description=body.description,
                image_name=self._image_name(name),
                asynchronous=None,
            )
            edit.put_version(row)
            return row

        return step

    def delete(self, target: Target) -> Callable[[Edit], None]:
        """The function with all that belongs to it; with a version or alias named, that version with its aliases and triggers."""

        def step(edit: Edit) -> None:
            function = target.function(edit)
            if target.explicit:
                _remove_version(edit, function, target.version(edit).name)
            else:
                edit.remove_function(function)

        return step

    def _put(self, edit: Edit, row: VersionRow, settings: FunctionSettings, code: Code) -> VersionRow:
        sealed, shown = self._sealed(row, settings.encrypted_user_data)
        stored = msgspec.structs.replace(settings, encrypted_user_data=shown)
        if (stored, code.digest, sealed) == (row.settings, row.digest, row.sealed):
            return row
        project = row.function.project
        if code.digest != row.digest and not allowance_of(edit, project).has_room_for_code(
            edit.code_bytes(project) - row.code_size, code.size
        ):
            raise Refused("FSS.1042")
        same = (runs(stored), code.digest) == (runs(row.settings), row.digest) and sealed == row.sealed
        changed = msgspec.structs.replace(
            row,
            generation=row.generation if same else edit.generation(),
            modified_ms=self._now_ms(),
            settings=stored,
            digest=code.digest,
            code_size=code.size,
            sealed=sealed,
            image_name=row.image_name if same and row.image_name else self._image_name(row.name),
        )
        edit.put_version(changed)
        return changed

    def _sealed(self, row: VersionRow, text: str | None) -> tuple[bytes, str | None]:
        """encrypted_user_data sealed, and as it is shown."""
        if not text:
            return b"", text
        where = f"function:{row.function.id}"
        before: dict[str, str] = msgspec.json.decode(self._vault.unseal(row.sealed, where)) if row.sealed else {}
        given: dict[str, str] = msgspec.json.decode(text)
        after = {name: value or before.get(name, "") for name, value in given.items()}
        sealed = row.sealed if after == before else self._vault.seal(msgspec.json.encode(after), where)
        return sealed, masked(text)

    def _may_publish(self, latest: VersionRow, versions: list[VersionRow], name: str, digest: str) -> None:
        if not QUALIFIER.fullmatch(name):
            raise Refused("FSS.1015", f"{name[:70]!r} has other than 1-64 letters, digits, '.', '_' or '-'.")
        if any(version.name == name for version in versions):
            raise Refused("FSS.1062")
        if any(version.published_from == latest.generation for version in versions):
            raise Refused("FSS.1016")
        if digest and digest != latest.digest:
            raise Refused("FSS.0428", "digest: is not that of the function's code; it was changed meanwhile.")
        if len(versions) >= self._limits.versions:
            raise Refused("FSS.0403", f"A function has at most {self._limits.versions} versions, latest included.")

    def _image_name(self, version: str) -> str:
        return f"{version}-{aware(self._now_ms() / 1000):%y%m%d%H%M%S}@{secrets.token_hex(3)[:5]}"


def latest_of(view: View, target: Target) -> VersionRow:
    """`latest`, which alone may be changed. Raises Refused (FSS.1015)."""
    if target.urn.qualifier != LATEST:
        raise Refused("FSS.1015", "Only latest can be changed; what is published stays as it is.")
    return target.version(view)


def merged(before: FunctionSettings, change: FunctionSettings) -> FunctionSettings:
    """Fields that were left out keep what they were."""
    fields: dict[str, Any] = {}
    for name in FunctionSettings.__struct_fields__:
        given = getattr(change, name)
        fields[name] = getattr(before, name) if given is None else given
    return FunctionSettings(**fields)


def runs(settings: FunctionSettings) -> FunctionSettings:
    """What instances depend on: when it is the same, they stay."""
    return msgspec.structs.replace(settings, **dict.fromkeys(_NOT_RUN))


def _remove_version(edit: Edit, function: FunctionRow, name: str) -> None:
    if name == LATEST:
        raise Refused("FSS.1015", "latest cannot be deleted alone: name the function without a version to delete all of it.")
    aliases = edit.aliases(function)
    if any(alias.additional == name for alias in aliases):
        raise Refused("FSS.1094")
    own = {alias.name for alias in aliases if alias.version == name}
    gone = {name} | {f"!{alias}" for alias in own}
    for trigger in edit.triggers(function):
        if trigger.qualifier in gone:
            edit.remove_trigger(trigger)
    for alias in own:
        edit.remove_alias(function, alias)
    edit.remove_version(function, name)
