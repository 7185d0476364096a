"""Everything that can be said about a sluice.yaml without asking the API; pure but for looking at code folders."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice.binding import Mode
from sluice.errors import Fault, Invalid
from sluice.function import MEMORY_SIZES_MB
from sluice.host.kinds import by_type, installed
from sluice.trigger import TriggerKind
from sluice.trigger_options import GATEWAY_TYPES, mode_of, route_of
from sluice.urn import NAME, parse
from sluice_cli import package
from sluice_cli.kinds import trigger_faults
from sluice_cli.manifest import Read, located, read
from sluice_cli.schema import Async, Function, Manifest

MOST_TRIGGERS = 10
MOST_VARIABLES = 20
MOST_CHARACTERS = 4096
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PACKAGE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
_NAME_RULE = "has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit"


def checked(file: Path) -> Read:
    """The file, if it is right. Raises Invalid with every fault, each with file and line."""
    found = read(file)
    faults = [*found.faults, *manifest_faults(found.manifest, found.folder, by_type(installed()))]
    if not found.manifest.functions and not faults:
        faults.append(Fault("functions", "names no function"))
    if faults:
        raise located(found.file, found.lines, faults)
    return found


def manifest_faults(manifest: Manifest, folder: Path, kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    for name, function in manifest.functions.items():
        if not NAME.fullmatch(name):
            yield Fault(f"functions.{name}", f"the name {_NAME_RULE}")
        for fault in function_faults(function, folder, manifest.functions, kinds):
            yield Fault(f"functions.{name}.{fault.field}", fault.rule)
    yield from _route_faults(manifest)


def function_faults(function: Function, folder: Path, all_of: Mapping[str, Function], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    yield from _code_faults(function, folder)
    yield from _size_faults(function)
    yield from _variable_faults("environment", function.environment)
    yield from _variable_faults("secrets", function.secrets)
    for name in sorted(set(function.environment) & set(function.secrets)):
        yield Fault(f"secrets.{name}", "is in environment too")
    if function.async_:
        yield from _async_faults(function.async_, all_of)
    yield from _triggers_faults(function, kinds)


def _code_faults(function: Function, folder: Path) -> Iterator[Fault]:
    if bool(function.code) == bool(function.image):
        yield Fault("code" if function.code else "image", "exactly one of code and image is given")
    if function.code:
        for rule in package.faults(folder / function.code):
            yield Fault("code", rule)


def _size_faults(function: Function) -> Iterator[Fault]:
    if not _PACKAGE.fullmatch(function.package):
        yield Fault("package", _NAME_RULE)
    if function.memory not in MEMORY_SIZES_MB:
        yield Fault("memory", f"is {function.memory}, and is one of {', '.join(map(str, MEMORY_SIZES_MB))} (MB)")
    yield from _range("timeout", function.timeout, 3, 259_200, " s")
    yield from _range("init_timeout", function.init_timeout, 1, 300, " s")
    yield from _range("max_instances", function.max_instances, -1, 1000, "; -1: no bound, 0: disabled")
    yield from _range("concurrency", function.concurrency, 1, 1000)
    if len(function.description) > 512:
        yield Fault("description", "is longer than 512 characters")


def _range(field: str, value: int, low: int, high: int, more: str = "") -> Iterator[Fault]:
    if not low <= value <= high:
        yield Fault(field, f"is {value}, and goes from {low} to {high}{more}")


def _variable_faults(field: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    if len(variables) > MOST_VARIABLES:
        yield Fault(field, f"has {len(variables)} items, more than {MOST_VARIABLES}")
    if len(json.dumps(dict(variables), ensure_ascii=False)) > MOST_CHARACTERS:
        yield Fault(field, f"has more than {MOST_CHARACTERS} characters")
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            yield Fault(f"{field}.{name}", "the name has letters, digits and _, and starts with a letter")
        elif name.startswith("RUNTIME_"):
            yield Fault(f"{field}.{name}", "names with RUNTIME_ are set by the platform")


def _async_faults(config: Async, all_of: Mapping[str, Function]) -> Iterator[Fault]:
    yield from _range("async.retries", config.retries, 0, 3)
    yield from _range("async.max_age", config.max_age, 1, 86_400, " s")
    for end in ("on_success", "on_failure"):
        destination = getattr(config, end)
        if destination and destination.function not in all_of:
            try:
                parse(destination.function, region="region", project="project")
            except Invalid as error:
                yield Fault(f"async.{end}.function", error.faults[0].rule)


def _triggers_faults(function: Function, kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    if len(function.triggers) > MOST_TRIGGERS:
        yield Fault("triggers", f"has {len(function.triggers)} items, more than {MOST_TRIGGERS}")
    for index, trigger in enumerate(function.triggers):
        for fault in trigger_faults(trigger, kinds):
            yield Fault(f"triggers.{index}.{fault.field}".rstrip("."), fault.rule)
        if function.http:
            yield from _http_faults(f"triggers.{index}", trigger, kinds)
    yield from _twice("triggers.{}.name", "another timer of this function is named so", _timers(function))


def _http_faults(field: str, trigger: Mapping[str, Any], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    """An HTTP function answers a caller."""
    code = trigger.get("type")
    if code not in GATEWAY_TYPES:
        yield Fault(f"{field}.type", f"an http function has only {', '.join(sorted(GATEWAY_TYPES))} triggers")
    elif code in kinds and mode_of(kinds[code], trigger) is not Mode.SYNC:
        yield Fault(f"{field}.func_info.invocation_type", "is sync for an http function")


def _timers(function: Function) -> Iterator[tuple[int, str]]:
    for index, trigger in enumerate(function.triggers):
        if trigger.get("type") == "TIMER":
            yield index, str(trigger.get("name"))


def _route_faults(manifest: Manifest) -> Iterator[Fault]:
    routes = [
        (f"functions.{name}.triggers.{index}", route_of(trigger))
        for name, function in manifest.functions.items()
        for index, trigger in enumerate(function.triggers)
        if trigger.get("type") in GATEWAY_TYPES
    ]
    yield from _twice("{}.path", "another trigger of this file has the same path and method", routes)


def _twice(field: str, rule: str, named: Iterator[tuple[object, str]] | Sequence[tuple[object, str]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, name in named:
        if name in seen:
            yield Fault(field.format(place), rule)
        seen.add(name)
