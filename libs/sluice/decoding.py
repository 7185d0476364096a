"""From plain data to a type, with every fault named at once: msgspec alone stops at the first. What is right is converted once."""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from sluice.errors import Fault, Invalid

T = TypeVar("T")

LONGEST = 200
"""Characters of a fault's field and rule: both may repeat what was sent."""
_AT = re.compile(r"(.*) - at (?:`key` in )?`\$(.*)`", re.DOTALL)
_NULL_MEANS_SOMETHING = frozenset({"filter"})


def decode(value: Any, kind: type[T]) -> T:
    """`value` as a struct that forbids unknown fields. Raises Invalid with every fault, fields as dotted paths; what a type refuses
    once each of its fields is right comes as the type said it, with its code."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, Invalid) as error:
        inner = list(_inner_faults(value, kind))
        if inner:
            raise Invalid(inner) from None
        if isinstance(error, Invalid):
            raise
        raise Invalid([_fault_of(error)]) from None


def faults_of(value: Any, kind: Any) -> list[Fault]:
    """What is wrong with `value` as a `kind`, at every depth."""
    try:
        decode(value, kind)
    except Invalid as refused:
        return refused.faults
    return []


def understood(value: Mapping[Any, Any], kind: type[T]) -> T:
    """`value` without what is wrong with its shape. `kind` has a default for every field."""
    kept = dict(value)
    for fault in faults_of(value, kind):
        kept = _without(kept, fault.field.split("."))
    try:
        return msgspec.convert(kept, kind)
    except (msgspec.ValidationError, Invalid):
        wrong = {fault.field.partition(".")[0] for fault in faults_of(value, kind)}
        return msgspec.convert({name: each for name, each in value.items() if name not in wrong}, kind)


def _without(value: dict[Any, Any], path: list[str]) -> dict[Any, Any]:
    """Without what the path names; where it leads into a list, without the list."""
    name = path[0] if path[0] in value else next((each for each in value if str(each) == path[0]), path[0])
    inner = value.get(name)
    if len(path) > 1 and isinstance(inner, dict):
        return value | {name: _without(inner, path[1:])}
    return {each: kept for each, kept in value.items() if each != name}


def unknown(name: object, known: Iterable[str]) -> Fault:
    return Fault(str(name)[:80], f"is not a field here; there are {', '.join(sorted(known))}")


def under(prefix: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    """The faults of a part, by their path in the whole."""
    for fault in faults:
        yield Fault(".".join(filter(None, (prefix, fault.field))), fault.rule)


def without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    """A null means the same as leaving the field out, at every depth but in a filter."""
    return {
        name: without_nulls(value) if isinstance(value, dict) and name not in _NULL_MEANS_SOMETHING else value
        for name, value in data.items()
        if value is not None
    }


def _inner_faults(value: Any, kind: Any) -> Iterator[Fault]:
    """Of the parts, each by itself."""
    struct = _struct(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _field_faults(value, struct)
    elif get_origin(kind) is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from under(str(index), faults_of(item, get_args(kind)[0]))
    elif get_origin(kind) is dict and isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(name, str):
                yield from under(name, faults_of(item, get_args(kind)[1]))
            else:
                yield Fault(str(name)[:80], "is not a text: put it in quotes")


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """The struct type that a field may hold, seen through `| None`."""
    for option in get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


def _field_faults(value: Mapping[Any, Any], kind: type[msgspec.Struct]) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    yield from (unknown(name, fields) for name in value if name not in fields)
    for name, field in fields.items():
        if name in value:
            yield from under(name, faults_of(value[name], field.type))
        elif field.required:
            yield Fault(name, "is mandatory")


def _fault_of(error: msgspec.ValidationError) -> Fault:
    """msgspec's sentence, taken apart into a field and a rule."""
    found = _AT.fullmatch(str(error))
    rule, place = (found[1], found[2]) if found else (str(error), "")
    field = re.sub(r"\[(\d+)\]", r".\1", place.replace("[...]", "")).lstrip(".")
    return Fault(field[:LONGEST], rule[:1].lower() + rule[1:LONGEST])
