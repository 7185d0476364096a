"""Whether uv.lock still answers to pyproject.toml, without asking any index."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

Wanted = tuple[str, str, frozenset[str], SpecifierSet]
"""Extra or group, distribution, its extras, versions."""


def faults(root: Path) -> list[str]:
    """What `make lock` would change, and every address of an index that found its way in."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    text = (root / "uv.lock").read_text()
    packages = tomllib.loads(text)["package"]
    metadata = next(package["metadata"] for package in packages if package["name"] == project["project"]["name"])
    declared, locked = set(declared_by(project)), set(recorded_in(metadata))
    hosts = set(re.findall(r"\w+://([^/\"]+)", text))
    return [
        *(f"uv.lock does not know {describe(wanted)}: run make lock" for wanted in declared - locked),
        *(f"uv.lock still has {describe(wanted)}: run make lock" for wanted in locked - declared),
        *(f"uv.lock names the host {host}: write it with make lock" for host in hosts if not host.endswith(".invalid")),
    ]


def describe(wanted: Wanted) -> str:
    place, name, _, versions = wanted
    return f"{name}{versions} of {place or 'the core'}"


def declared_by(project: Mapping[str, Any]) -> Iterator[Wanted]:
    lists = {"": project["project"]["dependencies"]}
    lists |= project["project"].get("optional-dependencies", {}) | project.get("dependency-groups", {})
    for place, requirements in lists.items():
        for requirement in map(Requirement, requirements):
            yield place, str(canonicalize_name(requirement.name)), frozenset(requirement.extras), requirement.specifier


def recorded_in(metadata: Mapping[str, Any]) -> Iterator[Wanted]:
    lists = {None: metadata["requires-dist"]} | metadata.get("requires-dev", {})
    for group, entries in lists.items():
        for entry in entries:
            extra = re.search(r"extra == '([^']+)'", entry.get("marker", ""))
            place = group or (extra.group(1) if extra else "")
            yield place, entry["name"], frozenset(entry.get("extras", ())), SpecifierSet(entry.get("specifier", ""))
