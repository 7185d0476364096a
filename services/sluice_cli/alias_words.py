"""An alias in a user's words and in FunctionGraph's; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluice import function_rules as rules
from sluice.errors import Fault
from sluice.urn import LATEST
from sluice_cli.schema import Alias

_RULE = re.compile(r"([A-Za-z0-9_-]{1,64})(=| in )(.{1,512})")
RULE = "is neither HEADER=VALUE nor HEADER in A,B"


def body(alias: Alias) -> dict[str, Any]:
    """As the API knows it; of an alias without a fault."""
    told: dict[str, Any] = {"version": alias.version, "description": alias.description}
    if alias.weight:
        told["additional_version_weights"] = dict(alias.weight)
    for version, texts in alias.rules.items():
        told["additional_version_strategy"] = {version: strategy(texts, alias.any)}
    return told


def strategy(texts: Sequence[str], fits_any: bool) -> dict[str, Any]:
    """Raises ValueError for a rule that is none."""
    return {"combine_type": "or" if fits_any else "and", "rules": [_rule(text) for text in texts]}


def is_changed(alias: Alias, present: Mapping[str, Any]) -> bool:
    names = ("additional_version_weights", "additional_version_strategy")
    wanted = body(alias)
    return any((wanted.get(name) or None) != (present.get(name) or None) for name in ("version", "description", *names))


def faults(name: str, alias: Alias) -> Iterator[Fault]:
    """Of one alias of a file, by its keys."""
    for fault in rules.alias_name_faults("", name):
        yield Fault("", f"the name {fault.rule}")
    yield from rules.description_faults("description", alias.description)
    if alias.weight and alias.rules:
        yield Fault("rules", "stands beside weight: choose one")
    for field, versions in (("weight", list(alias.weight)), ("rules", list(alias.rules))):
        yield from _version_faults(field, versions, alias.version)
    for version, weight in alias.weight.items():
        yield from rules.WEIGHT.faults(f"weight.{version}", weight)
    for version, texts in alias.rules.items():
        for index, text in enumerate(texts):
            if not _RULE.fullmatch(text):
                yield Fault(f"rules.{version}.{index}", RULE)
        if not texts:
            yield Fault(f"rules.{version}", "has no rule")
    if alias.any and not alias.rules:
        yield Fault("any", "belongs to rules")


def _version_faults(field: str, versions: Sequence[str], main: str) -> Iterator[Fault]:
    if len(versions) > 1:
        yield Fault(field, "names more than one version")
    if LATEST in versions:
        yield Fault(field, f"names {LATEST}, which cannot be the additional version")
    if main in versions:
        yield Fault(field, f"names {main!r}, which is the alias's version already")


def _rule(text: str) -> dict[str, str]:
    found = _RULE.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:60]!r} {RULE}")
    return {"rule_type": "Header", "param": found[1], "op": found[2].strip(), "value": found[3]}
