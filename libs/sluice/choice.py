"""What the headers of a request choose: the version behind an alias, and the memory of the instance; pure.

A choice is made once, where the headers are known, and stands beside the event as text: `v2`, `@512`, `v2@512`, or "" for nothing. So
every attempt makes the same one.
"""

from collections.abc import Mapping

from sluice.errors import Fault, Invalid
from sluice.function import MEMORY_SIZES_MB, Alias, Function, HeaderRule

MEMORY_HEADER = "x-cff-instance-memory"


def written(version: str, memory_mb: int) -> str:
    return f"{version}@{memory_mb}" if memory_mb else version


def version_of(choice: str) -> str:
    return choice.partition("@")[0]


def memory_of(choice: str) -> int:
    """MB; 0 when none was chosen."""
    return int(choice.partition("@")[2] or 0)


def version_for(alias: Alias | None, headers: Mapping[str, str]) -> str:
    """The version that an alias's rules choose, or "" where it has none. `headers` have names in lower case."""
    if alias is None or not alias.rules:
        return ""
    fit = all if alias.combine == "and" else any
    return alias.additional if fit(_fits(rule, headers) for rule in alias.rules) else alias.version


def memory_for(function: Function, headers: Mapping[str, str]) -> int:
    """The memory (MB) that a request asks for, 0 for the function's own. Raises Invalid (FSS.0406) for one that cannot be had."""
    text = headers.get(MEMORY_HEADER, "").strip()
    if not text or not function.dynamic_memory:
        return 0
    memory_mb = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if memory_mb not in MEMORY_SIZES_MB:
        rule = f"is {text[:20]!r}, and is one of {', '.join(map(str, MEMORY_SIZES_MB))}"
        raise Invalid([Fault("X-Cff-Instance-Memory", rule)], "FSS.0406")
    return 0 if memory_mb == function.memory_mb else memory_mb


def _fits(rule: HeaderRule, headers: Mapping[str, str]) -> bool:
    value = headers.get(rule.name.lower())
    if value is None:
        return False
    return value in (each.strip() for each in rule.value.split(",")) if rule.op == "in" else value == rule.value
