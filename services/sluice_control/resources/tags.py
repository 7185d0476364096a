"""Tags of functions: what one must be, the steps that change them, and which functions a selection means."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from sluice.errors import Fault, Invalid
from sluice.function_rules import tag_key_faults, tag_value_faults
from sluice_control.bodies import ChangeTags, SelectResources, Tag, TagValues
from sluice_control.fss import Refused
from sluice_control.registry import Edit, FunctionRow, TagRow, View
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import target

RESOURCE_TYPE = "functions"
_SYSTEM_KEY = re.compile(r"_sys_[A-Za-z0-9_\-]{1,31}")
_NUMBERED = re.compile(r"([0-9]{1,18})(:.*)?")


class Tagged(msgspec.Struct, frozen=True):
    """A function and its tags."""

    function: FunctionRow
    tags: Sequence[TagRow]


def function_of(view: View, resource: str, region: str, project: str) -> FunctionRow:
    """A resource is named by any form of its URN, or by the `resource_id` or `func_id` of its configuration. Raises Refused (FSS.1051)."""
    numbered = _NUMBERED.fullmatch(resource)
    if numbered is None:
        return target(resource, region, project).function(view)
    row = view.function_numbered(project, int(numbered[1]))
    if row is None:
        raise Refused("FSS.1051")
    return row


def put(find: Callable[[View], FunctionRow], body: ChangeTags, limits: Limits) -> Callable[[Edit], None]:
    """Adds tags; one whose key is there gets the new value."""
    _refuse(list(_faults(body, "create")))

    def step(edit: Edit) -> None:
        function = find(edit)
        for tag, system in _each(body):
            edit.put_tag(function, TagRow(tag.key, tag.value, system))
        if sum(not row.system for row in edit.tags(function)) > limits.tags:
            raise Refused("FSS.0403", f"A function has at most {limits.tags} tags.")

    return step


def remove(find: Callable[[View], FunctionRow], body: ChangeTags) -> Callable[[Edit], None]:
    """Takes tags away by their keys; one that is not there is no fault."""
    _refuse(list(_faults(body, "delete")))

    def step(edit: Edit) -> None:
        function = find(edit)
        for tag, system in _each(body):
            edit.remove_tag(function, tag.key, system=system)

    return step


def by_function(found: Iterable[tuple[FunctionRow, TagRow]]) -> dict[int, list[TagRow]]:
    """The tags of each function that has some, by its id."""
    tags: dict[int, list[TagRow]] = {}
    for function, tag in found:
        tags.setdefault(function.id, []).append(tag)
    return tags


def together(rows: Iterable[TagRow], *, system: bool) -> list[dict[str, object]]:
    """Each key with all its values."""
    values: dict[str, set[str]] = {}
    for row in rows:
        if row.system is system:
            values.setdefault(row.name, set()).add(row.value)
    return [{"key": key, "values": sorted(values[key])} for key in sorted(values)]


def matches(selection: SelectResources, one: Tagged) -> bool:
    """`matches` are compared with the function's name (part of it is enough), tags by key and any of the values given."""
    if selection.without_any_tag:
        return not one.tags
    return (
        all(_matches_name(match, one) for match in selection.matches)
        and all(_has(wanted, one, system=False) for wanted in selection.tags)
        and all(_has(wanted, one, system=True) for wanted in selection.sys_tags)
    )


def _matches_name(match: Tag, one: Tagged) -> bool:
    if match.key == "resource_name":
        return match.value.lower() in one.function.name.lower()
    return any((row.name, row.value) == (match.key, match.value) for row in one.tags)


def _has(wanted: TagValues, one: Tagged, *, system: bool) -> bool:
    found = [row.value for row in one.tags if (row.name, row.system) == (wanted.key, system)]
    return bool(found) and (not wanted.values or found[0] in wanted.values)


def _each(body: ChangeTags) -> list[tuple[Tag, bool]]:
    return [(tag, False) for tag in body.tags] + [(tag, True) for tag in body.sys_tags]


def _faults(body: ChangeTags, action: str) -> Iterator[Fault]:
    if body.action not in ("", action):
        yield Fault("action", f"is {body.action[:20]!r}, and is {action} here")
    if not body.tags and not body.sys_tags:
        yield Fault("tags", "names no tag")
    for field, tags, key_faults in (("tags", body.tags, tag_key_faults), ("sys_tags", body.sys_tags, _system_key_faults)):
        for number, tag in enumerate(tags):
            yield from key_faults(f"{field}[{number}].key", tag.key)
            yield from tag_value_faults(f"{field}[{number}].value", tag.value)


def _system_key_faults(field: str, key: str) -> Iterator[Fault]:
    if not _SYSTEM_KEY.fullmatch(key):
        yield Fault(field, "starts with _sys_ and has 1-36 letters, digits, _ or -")


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid(faults)
