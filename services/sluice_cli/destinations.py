"""Who is told of an end, in a user's words and in FunctionGraph's; pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import typer

from sluice import destination
from sluice.errors import Fault, Invalid
from sluice.urn import parse
from sluice_cli.schema import Destination

_KINDS = {
    "function": destination.FUNCTION,
    "bucket": destination.OBJECT_STORE,
    "topic": destination.TOPIC,
    "stream": destination.STREAM,
    "rocketmq": destination.QUEUE,
}
"""By the key that only that kind has."""
_NUMBERS = frozenset({"expires"})


def read(text: str, option: str) -> Destination | None:
    """An option's text: a function's name, `bucket=NAME,prefix=P,expires=30`, `topic=URN`, `stream=NAME`, or all of it as JSON. None for
    ""."""
    if not text:
        return None
    try:
        return msgspec.convert(json.loads(text) if text.startswith("{") else _words(text), Destination)
    except (ValueError, msgspec.ValidationError) as error:
        raise typer.BadParameter(f"{text[:60]!r} is no destination: {error}", param_hint=option) from None


def _words(text: str) -> dict[str, Any]:
    if "=" not in text:
        return {"function": text}
    pairs = (word.partition("=") for word in text.split(","))
    return {key.strip(): int(value) if key.strip() in _NUMBERS else value for key, _, value in pairs}


def faults(end: str, to: Destination) -> Iterator[Fault]:
    """What is wrong with it, by the key of the file."""
    given = kinds(to)
    if len(given) != 1:
        yield Fault("", f"names one of {', '.join(_KINDS)}{', and not ' + ' and '.join(given) if given else ''}")
        return
    for name in ("prefix", "expires"):
        if getattr(to, name) and not to.bucket:
            yield Fault(name, "belongs to a bucket")
    body = as_end(to, {})
    for fault in destination.faults(end, body["destination"], body["param"]):
        yield Fault(given[0] if fault.field == "destination" else _key(fault.field), fault.rule)


def function_faults(to: Destination, known: Mapping[str, Any]) -> Iterator[Fault]:
    """Of the name of a function that is not among `known`."""
    if to.function and to.function not in known:
        try:
            parse(to.function, region="region", project="project")
        except Invalid as error:
            yield Fault("function", error.faults[0].rule)


def kinds(to: Destination) -> list[str]:
    """The keys that say where: one, if it is right."""
    return [key for key in _KINDS if getattr(to, key)]


def as_end(to: Destination, urn_of: Mapping[str, str]) -> dict[str, str]:
    """As the API knows it; `urn_of` has the URNs of the file's own functions."""
    key = kinds(to)[0]
    return {"destination": _KINDS[key], "param": json.dumps(_param(key, to, urn_of))}


def warnings(config: Mapping[str, Any] | None) -> list[str]:
    """What to tell somebody about asynchronous settings as the API shows them: ends that nobody will hear of."""
    ends = (config or {}).get("destination_config") or {}
    named = [(end, str(to.get("destination"))) for end, to in ends.items() if to]
    return [f"{end}: {told}" for end, kind in named if (told := destination.undelivered(kind))]


def _param(key: str, to: Destination, urn_of: Mapping[str, str]) -> dict[str, Any]:
    match key:
        case "function":
            return {"func_urn": urn_of.get(to.function, to.function)}
        case "bucket":
            more = {"prefix": to.prefix, "expires": to.expires}
            return {"bucket": to.bucket, **{name: value for name, value in more.items() if value}}
        case "topic":
            return {"topic_urn": to.topic}
        case "stream":
            return {"stream_name": to.stream}
    return to.rocketmq


def _key(field: str) -> str:
    names = {"func_urn": "function", "topic_urn": "topic", "stream_name": "stream"}
    inner = field.removeprefix("param").lstrip(".")
    return names.get(inner, inner or "rocketmq")
