"""Everything that can be said about a sluice.yaml without asking the API; pure but for looking at code folders."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice import function_rules as rules
from sluice.binding import Mode
from sluice.decoding import under
from sluice.destination import ENDS
from sluice.errors import Fault
from sluice.host.kinds import by_type, installed
from sluice.runtimes import CUSTOM, HANDLED, handler_faults, sources
from sluice.trigger import TriggerKind
from sluice.trigger_options import GATEWAY_TYPES, http_faults, mode_of, route_of
from sluice.urn import LATEST, QUALIFIER
from sluice_cli import alias_words, bodies, destinations, package
from sluice_cli.kinds import trigger_faults
from sluice_cli.manifest import Read, located, read
from sluice_cli.schema import Async, Function, Manifest

HOOKS = ("handler", "initializer", "pre_stop")


def checked(file: Path) -> Read:
    """The file, if it is right. Raises Invalid with every fault, each with file and line."""
    found = read(file)
    known = {fault.field for fault in found.faults}
    broken = manifest_faults(found.manifest, found.folder, by_type(installed()))
    faults = [*found.faults, *(fault for fault in broken if not _is_about(fault.field, known))]
    if not found.manifest.functions and not faults:
        faults.append(Fault("functions", "names no function"))
    if faults:
        raise located(found.file, found.lines, faults)
    return found


def _is_about(field: str, known: Collection[str]) -> bool:
    """Whether something about the field, or about what holds it, is said already."""
    return any(field == each or field.startswith(f"{each}.") for each in known)


def manifest_faults(manifest: Manifest, folder: Path, kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    for name, function in manifest.functions.items():
        for fault in rules.name_faults("", name):
            yield Fault(f"functions.{name}", f"the name {fault.rule}")
        for fault in function_faults(function, folder, manifest.functions, kinds):
            yield Fault(f"functions.{name}.{fault.field}", fault.rule)
    yield from _route_faults(manifest)


def warnings(manifest: Manifest) -> Iterator[str]:
    """What is right, and yet does less than it says."""
    for name, function in manifest.functions.items():
        if function.async_:
            for warning in destinations.warnings(bodies.async_config(function.async_, {})):
                yield f"functions.{name}.async.{warning}"


def function_faults(function: Function, folder: Path, all_of: Mapping[str, Function], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    yield from _runtime_faults(function)
    yield from _code_faults(function, folder)
    yield from _image_faults(function)
    yield from _size_faults(function)
    yield from _variable_faults("environment", function.environment)
    yield from _variable_faults("secrets", function.secrets)
    for name in sorted(set(function.environment) & set(function.secrets)):
        yield Fault(f"secrets.{name}", "is in environment too")
    if function.async_:
        yield from _async_faults(function.async_, all_of)
    yield from _release_faults(function)
    yield from _triggers_faults(function, kinds)


def _code_faults(function: Function, folder: Path) -> Iterator[Fault]:
    if bool(function.code) == bool(function.image):
        yield Fault("code" if function.code else "image", "exactly one of code and image is given")
    if function.code:
        for rule in package.faults(folder / function.code, sources(function.runtime, function.handler)):
            yield Fault("code", rule)


def _image_faults(function: Function) -> Iterator[Fault]:
    default = Function()
    for field in ("command", "args", "working_dir", "uid", "gid"):
        if not function.image and getattr(function, field) != getattr(default, field):
            yield Fault(field, "is given with image only")
    for field in ("command", "args"):
        if any("," in word for word in getattr(function, field)):
            yield Fault(field, "has a word with a comma, which FunctionGraph puts between words")
    if function.working_dir and not function.working_dir.startswith("/"):
        yield Fault("working_dir", "starts with /")
    yield from rules.user_faults("uid", function.uid)
    yield from rules.user_faults("gid", function.gid)


def _runtime_faults(function: Function) -> Iterator[Fault]:
    """A function is a server, or it has a runtime and names its handlers."""
    if not function.runtime:
        yield from (Fault(field, "is given with runtime only") for field in HOOKS if getattr(function, field))
        return
    if function.runtime not in (CUSTOM, *HANDLED):
        yield Fault("runtime", f"is {function.runtime!r}, and is one of {', '.join((CUSTOM, *HANDLED))}")
    for field in ("image", "http", "initialize"):
        if getattr(function, field):
            yield Fault(field, "is not given with runtime")
    for field in HOOKS:
        if field == "handler" or getattr(function, field):
            yield from handler_faults(field, function.runtime, getattr(function, field))
    yield from rules.PRE_STOP_TIMEOUT.faults("pre_stop_timeout", function.pre_stop_timeout)


def _size_faults(function: Function) -> Iterator[Fault]:
    yield from rules.name_faults("package", function.package)
    yield from rules.memory_faults("memory", function.memory)
    yield from rules.TIMEOUT.faults("timeout", function.timeout)
    yield from rules.INITIALIZER_TIMEOUT.faults("init_timeout", function.init_timeout)
    yield from rules.INSTANCES.faults("max_instances", function.max_instances)
    yield from rules.CONCURRENCY.faults("concurrency", function.concurrency)
    yield from rules.description_faults("description", function.description)


def _variable_faults(field: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    yield from rules.variable_count_faults(field, variables)
    yield from rules.variable_size_faults(field, bodies.variables(variables))
    for name, value in variables.items():
        yield from rules.variable_name_faults(f"{field}.{name}", {name: value})


def _release_faults(function: Function) -> Iterator[Fault]:
    if function.version and (function.version == LATEST or not QUALIFIER.fullmatch(function.version)):
        yield Fault("version", f"has 1-64 letters, digits, '.', _ or -, and is not {LATEST}")
    for name, alias in function.aliases.items():
        yield from under(f"aliases.{name}", alias_words.faults(name, alias))
    if function.reserved is not None:
        yield from rules.RESERVED.faults("reserved", function.reserved)
    tags = function.tags or {}
    if len(tags) > rules.MOST_TAGS:
        yield Fault("tags", f"has {len(tags)} items, more than {rules.MOST_TAGS}")
    for key, value in tags.items():
        yield from rules.tag_key_faults(f"tags.{key}", key)
        yield from rules.tag_value_faults(f"tags.{key}", value)


def _async_faults(config: Async, all_of: Mapping[str, Function]) -> Iterator[Fault]:
    yield from rules.RETRIES.faults("async.retries", config.retries)
    yield from rules.MAX_AGE.faults("async.max_age", config.max_age)
    for end in ENDS:
        to = getattr(config, end)
        if to:
            yield from under(f"async.{end}", (*destinations.faults(end, to), *destinations.function_faults(to, all_of)))


def _triggers_faults(function: Function, kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    if len(function.triggers) > rules.MOST_TRIGGERS:
        yield Fault("triggers", f"has {len(function.triggers)} items, more than {rules.MOST_TRIGGERS}")
    for index, trigger in enumerate(function.triggers):
        for fault in trigger_faults(trigger, kinds):
            yield Fault(f"triggers.{index}.{fault.field}".rstrip("."), fault.rule)
        if function.http:
            yield from under(f"triggers.{index}", _http_faults(trigger, kinds))
    yield from _twice("triggers.{}.name", "another timer of this function is named so", _timers(function))


def _http_faults(trigger: Mapping[str, Any], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    code = str(trigger.get("type"))
    # A type that is not installed is told of already.
    if code in kinds or code not in GATEWAY_TYPES:
        yield from http_faults(code, mode_of(kinds[code], trigger) if code in kinds else Mode.SYNC)


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
