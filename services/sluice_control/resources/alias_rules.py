"""What an alias must be: FunctionGraph's ranges and words; pure."""

import re
from collections.abc import Iterator

from sluice.errors import Fault
from sluice.function_rules import WEIGHT, alias_name_faults
from sluice.urn import LATEST
from sluice_control.bodies import UpdateAlias, VersionStrategy, VersionStrategyRule
from sluice_control.resources.function_rules import Coded

HEADER = "Header"
_PARAM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_RULES = 20
_LONGEST_VALUE = 512
_STRATEGY = "additional_version_strategy"
_WEIGHTS = "additional_version_weights"


def code_of(field: str) -> str:
    """The FSS code of a fault in a field of an alias's body."""
    codes = {"name": "FSS.1014", "version": "FSS.1015", "description": "FSS.1019", _WEIGHTS: "FSS.1092", _STRATEGY: "FSS.1091"}
    return codes.get(field, "FSS.0400")


def name_faults(name: str) -> Iterator[Coded]:
    for fault in alias_name_faults("name", name):
        yield ("FSS.1014", fault)


def alias_faults(body: UpdateAlias) -> Iterator[Coded]:
    if len(body.description) > 512:
        yield ("FSS.1019", Fault("description", "is longer than 512 characters"))
    if body.additional_version_weights and body.additional_version_strategy:
        yield ("FSS.1091", Fault(_STRATEGY, f"stands beside {_WEIGHTS}: choose one"))
    yield from _one_version(_WEIGHTS, list(body.additional_version_weights), body.version)
    yield from _one_version(_STRATEGY, list(body.additional_version_strategy), body.version)
    for version, weight in body.additional_version_weights.items():
        for fault in WEIGHT.faults(f"{_WEIGHTS}.{version[:64]}", weight):
            yield ("FSS.1092", fault)
    for version, strategy in body.additional_version_strategy.items():
        yield from _strategy_faults(f"{_STRATEGY}.{version[:64]}", strategy)


def _one_version(field: str, versions: list[str], main: str) -> Iterator[Coded]:
    if len(versions) > 1:
        yield ("FSS.1091", Fault(field, "names more than one version"))
    if LATEST in versions:
        yield ("FSS.1091", Fault(field, f"names {LATEST}, which cannot be the additional version"))
    if main in versions:
        yield ("FSS.1093", Fault(field, f"names {main[:64]!r}, which is the alias's version already"))


def _strategy_faults(field: str, strategy: VersionStrategy) -> Iterator[Coded]:
    if strategy.combine_type not in ("and", "or"):
        yield ("FSS.1091", Fault(f"{field}.combine_type", f"is {strategy.combine_type[:20]!r}, and is and (all rules) or or (any)"))
    if not 1 <= len(strategy.rules) <= _MOST_RULES:
        yield ("FSS.1091", Fault(f"{field}.rules", f"has {len(strategy.rules)} rules, and has 1 to {_MOST_RULES}"))
    for index, rule in enumerate(strategy.rules):
        yield from _rule_faults(f"{field}.rules.{index}", rule)


def _rule_faults(field: str, rule: VersionStrategyRule) -> Iterator[Coded]:
    if rule.rule_type.lower() != HEADER.lower():
        yield ("FSS.1091", Fault(f"{field}.rule_type", f"is {rule.rule_type[:20]!r}, and is {HEADER}"))
    if not _PARAM.fullmatch(rule.param):
        yield ("FSS.1091", Fault(f"{field}.param", "is the name of a header: 1-64 letters, digits, _ or -"))
    if rule.op not in ("=", "in"):
        yield ("FSS.1091", Fault(f"{field}.op", f"is {rule.op[:20]!r}, and is = or in"))
    if not 1 <= len(rule.value) <= _LONGEST_VALUE:
        yield ("FSS.1091", Fault(f"{field}.value", f"has {len(rule.value)} characters, and has 1 to {_LONGEST_VALUE}"))
