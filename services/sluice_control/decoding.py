"""The JSON of requests as types, with the codes that FunctionGraph answers faults with."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from sluice import decoding
from sluice.decoding import under, without_nulls
from sluice.errors import Fault, Invalid

T = TypeVar("T")

GENERAL = "FSS.0400"

CodeOf = Callable[[str], str]
"""The FSS code of a fault in a top-level field."""


def general(_field: str) -> str:
    return GENERAL


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


def decode(data: Mapping[str, Any], kind: type[T], *, code_of: CodeOf = general, prefix: str = "") -> T:
    """`data` as a struct that forbids unknown fields. Raises Invalid with every fault; its code is that of the first."""
    try:
        return decoding.decode(data, kind)
    except Invalid as refused:
        raise coded(refused, code_of, prefix) from None


def coded(refused: Invalid, code_of: CodeOf, prefix: str) -> Invalid:
    """The same faults, where they are in the request. A code that the type itself gave stays."""
    code = code_of(refused.faults[0].field.partition(".")[0]) if refused.code == GENERAL else refused.code
    return Invalid(list(under(prefix, refused.faults)), code)
