"""From JSON to a type, with every fault named at once: msgspec alone stops at the first."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from sluice.errors import Fault, Invalid

T = TypeVar("T")

_AT = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)

_NULL_MEANS_SOMETHING = frozenset({"filter"})

CodeOf = Callable[[str], str]
"""The FSS code of a fault in a top-level field."""


def general(_field: str) -> str:
    return "FSS.0400"


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. A null means the same as leaving the field out, except in a filter. Raises Invalid."""
    try:
        data = msgspec.json.decode(body or b"{}")
        if isinstance(data, dict):
            return without_nulls(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid([Fault("", f"the body is not JSON: {error}")]) from None
    except RecursionError:
        raise Invalid([Fault("", "the body is nested too deeply")]) from None
    raise Invalid([Fault("", "the body is not a JSON object")])


def without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: without_nulls(value) if isinstance(value, dict) and name not in _NULL_MEANS_SOMETHING else value
        for name, value in data.items()
        if value is not None
    }


def decode(data: Mapping[str, Any], kind: type[T], *, code_of: CodeOf = general, prefix: str = "") -> T:
    """`data` as a struct that forbids unknown fields. Raises Invalid with every fault; its code is that of the first."""
    faults = [*_unknown(data, kind), *_missing(data, kind), *_wrong(data, kind)]
    if faults:
        raise Invalid([_under(prefix, fault) for fault in faults], code_of(faults[0].field.partition(".")[0]))
    try:
        return msgspec.convert(dict(data), kind)
    except msgspec.ValidationError as error:
        fault = fault_of(error)
        raise Invalid([_under(prefix, fault)], code_of(fault.field)) from None
    except Invalid as error:
        own = code_of(error.faults[0].field) if error.faults and error.code == "FSS.0400" else error.code
        raise Invalid([_under(prefix, fault) for fault in error.faults], own) from None


def fault_of(error: msgspec.ValidationError) -> Fault:
    """msgspec's sentence, taken apart into a field and a rule."""
    found = _AT.fullmatch(str(error))
    rule, field = (found[1], found[2]) if found else (str(error), "")
    return Fault(field[:200], rule[:1].lower() + rule[1:200])


def _fields(kind: type[Any]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _unknown(data: Mapping[str, Any], kind: type[Any]) -> list[Fault]:
    known = {field.encode_name for field in _fields(kind)}
    return [Fault(name[:80], "is not a field here") for name in data if name not in known]


def _missing(data: Mapping[str, Any], kind: type[Any]) -> list[Fault]:
    required = [field.encode_name for field in _fields(kind) if field.required]
    return [Fault(name, "is mandatory") for name in required if name not in data]


def _wrong(data: Mapping[str, Any], kind: type[Any]) -> list[Fault]:
    faults = []
    for field in _fields(kind):
        if field.encode_name in data:
            try:
                msgspec.convert(data[field.encode_name], field.type)
            except msgspec.ValidationError as error:
                faults.append(_under(field.encode_name, fault_of(error)))
            except Invalid as error:
                faults.extend(_under(field.encode_name, fault) for fault in error.faults)
    return faults


def _under(prefix: str, fault: Fault) -> Fault:
    return Fault(".".join(filter(None, (prefix, fault.field))), fault.rule)
