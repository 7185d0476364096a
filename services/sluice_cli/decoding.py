"""From plain data to a type, with every fault named: msgspec alone stops at the first."""

import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

import msgspec

from sluice.errors import Fault, Invalid

_AT = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)


def faults_of(value: Any, kind: Any) -> Iterator[Fault]:
    """What is wrong with `value` as a `kind`, at every depth. Fields are dotted paths."""
    struct = _struct(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _struct_faults(value, struct)
    elif get_origin(kind) is dict and isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                yield Fault(str(name), "is not a text: put it in quotes")
            else:
                yield from _under(name, faults_of(item, get_args(kind)[1]))
    else:
        yield from _converted(value, kind)


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """The struct type that a field may hold, seen through `| None`."""
    for option in get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


def _struct_faults(value: Mapping[Any, Any], kind: type[msgspec.Struct]) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in fields:
            yield Fault(str(name)[:80], f"is not a key here; there are {', '.join(sorted(fields))}")
    found = False
    for name, field in fields.items():
        if name in value:
            for fault in _under(name, faults_of(value[name], field.type)):
                found = True
                yield fault
        elif field.required:
            found = True
            yield Fault(name, "is mandatory")
    if not found and all(name in fields for name in value):
        yield from _converted(value, kind)


def _converted(value: Any, kind: Any) -> Iterator[Fault]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        at = _AT.fullmatch(str(error))
        rule, field = (at[1], at[2]) if at else (str(error), "")
        yield Fault(field, rule[:1].lower() + rule[1:])
    except Invalid as error:
        yield from error.faults


def _under(name: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{name}.{fault.field}" if fault.field else name, fault.rule)
