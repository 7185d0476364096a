"""Filters: which records of a trigger become events. A filter that does not parse is refused; one that does never raises.

A filter is a JSON object from a dotted path into the record's JSON value to a condition; all must hold:

    {"type": "order", "amount": {"numeric": [">", 10, "<=", 100]}, "region": {"any": ["eu", "us"]},
     "name": {"prefix": "a"}, "id": {"exists": true}}

A bare value means equals. A record whose value is not JSON matches only the empty filter.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from sluice.errors import Fault, Invalid
from sluice.event import Record

Match = Callable[[Record], str]
"""Answers "" when the record matches, else the clause that did not hold."""

_MISSING = object()
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}

Test = Callable[[object], bool]


def parse(text: str) -> Match | None:
    """The filter that the JSON text describes; None for "". Raises Invalid with every fault."""
    if not text:
        return None
    try:
        clauses = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Invalid([Fault("filter", f"is not a JSON object: {error}")]) from None
    except RecursionError:
        raise Invalid([Fault("filter", "is nested too deeply")]) from None
    faults: list[Fault] = []
    tests = [(path, tuple(path.split(".")), _condition(path, wanted, faults)) for path, wanted in clauses.items()]
    if faults:
        raise Invalid(faults)
    return _matcher(tests)


def both(one: Match | None, other: Match | None) -> Match | None:
    """A record matches when it matches each that is there; the first clause that did not hold is told."""
    if one is None or other is None:
        return one or other
    return lambda record: one(record) or other(record)


def _matcher(tests: list[tuple[str, tuple[str, ...], Test]]) -> Match:
    decode = msgspec.json.Decoder().decode

    def match(record: Record) -> str:
        try:
            value = decode(record.value or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "the value is not JSON"
        except RecursionError:
            return "the value is nested too deeply"
        for path, steps, test in tests:
            if not test(_at(value, steps)):
                return path
        return ""

    return match


def _at(value: object, steps: tuple[str, ...]) -> object:
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return _MISSING
        value = value[step]
    return value


def _condition(path: str, wanted: object, faults: list[Fault]) -> Test:
    if not isinstance(wanted, dict):
        return _equals(wanted)
    match wanted:
        case {"equals": other} if len(wanted) == 1:
            return _equals(other)
        case {"prefix": str() as start} if len(wanted) == 1:
            return lambda value: isinstance(value, str) and value.startswith(start)
        case {"any": list() as others} if len(wanted) == 1:
            tests = [_equals(other) for other in others]
            return lambda value: any(test(value) for test in tests)
        case {"exists": bool() as there} if len(wanted) == 1:
            return lambda value: (value is not _MISSING) is there
        case {"numeric": list() as bounds} if len(wanted) == 1 and _are_bounds(bounds):
            return _numeric(bounds)
    faults.append(Fault(f"filter.{path}", "is a value, or one of equals, prefix, any, exists, numeric [operator, number, …]"))
    return lambda _value: False


def _equals(wanted: object) -> Test:
    # 1 == True in Python, not in JSON
    return lambda value: value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _are_bounds(bounds: list[object]) -> bool:
    operators, numbers = bounds[::2], bounds[1::2]
    return (
        bool(bounds)
        and len(operators) == len(numbers)
        and all(isinstance(operator, str) and operator in _COMPARE for operator in operators)
        and all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    )


def _numeric(bounds: list[Any]) -> Test:
    checks = [(_COMPARE[operator], number) for operator, number in zip(bounds[::2], bounds[1::2], strict=True)]

    def test(value: object) -> bool:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        return all(compare(value, number) for compare, number in checks)

    return test
