"""Checks an answer of the API against the SDK's own model classes: what they do not name they would drop."""

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from huaweicloudsdkfunctiongraph.v2 import model

_ALWAYS_SET = re.compile(r"^        self\.(\w+) = \1$", re.MULTILINE)
_LIST = re.compile(r"list\[(.*)\]")
_DICT = re.compile(r"dict\(\w+, (.*)\)")


def is_text_of_a_time(value: Any) -> bool:
    return isinstance(value, str) and bool(datetime.fromisoformat(value))


_PRIMITIVES: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda _: True,
    "datetime": is_text_of_a_time,
    "date": is_text_of_a_time,
}


def faults(value: Any, kind: str, at: str = "") -> Iterator[str]:
    """What the class `kind` of the SDK would lose of the decoded JSON `value`, or would find of another type, or would miss.

    A null is allowed wherever a field may be left out.
    """
    if kind in _PRIMITIVES:
        if not _PRIMITIVES[kind](value):
            yield f"{at}: is {value!r}, and the SDK wants {kind}"
    elif found := _LIST.fullmatch(kind):
        yield from _list_faults(value, found[1], at)
    elif found := _DICT.fullmatch(kind):
        yield from _dict_faults(value, found[1], at)
    else:
        yield from _model_faults(value, getattr(model, kind), at)


def _list_faults(value: Any, kind: str, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at}: is {value!r}, and the SDK wants an array"
        return
    for position, item in enumerate(value):
        yield from faults(item, kind, f"{at}[{position}]")


def _dict_faults(value: Any, kind: str, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: is {value!r}, and the SDK wants an object"
        return
    for key, item in value.items():
        yield from faults(item, kind, f"{at}.{key}")


def _model_faults(value: Any, known: Any, at: str) -> Iterator[str]:
    names = {key: name for name, key in known.attribute_map.items()}
    if set(names) == {"body"}:
        yield from faults(value, known.openapi_types["body"], at)
    elif not known.openapi_types:
        yield from _enumeration_faults(value, known, at)
    elif not isinstance(value, dict):
        yield f"{at}: is {value!r}, and the SDK wants {known.__name__}"
    else:
        yield from _object_faults(value, known, names, at)


def _enumeration_faults(value: Any, known: Any, at: str) -> Iterator[str]:
    allowed = {item for name, item in vars(known).items() if name.isupper() and isinstance(item, str | int)}
    if value not in allowed:
        yield f"{at}: is {value!r}, and the SDK knows {sorted(map(str, allowed))}"


def _object_faults(value: dict[str, Any], known: Any, names: dict[str, str], at: str) -> Iterator[str]:
    for key, item in value.items():
        if key not in names:
            yield f"{at}.{key}: {known.__name__} has no such field"
        elif item is not None:
            yield from faults(item, known.openapi_types[names[key]], f"{at}.{key}")
    for name in mandatory(known):
        if value.get(known.attribute_map[name]) is None:
            yield f"{at}.{known.attribute_map[name]}: is mandatory in {known.__name__}"


def mandatory(known: Any) -> list[str]:
    """The attributes that the class sets whatever it is given."""
    return _ALWAYS_SET.findall(inspect.getsource(known.__init__))
