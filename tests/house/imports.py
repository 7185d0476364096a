"""Which module imports which, and the floors of the house: imports go down, never up, never round."""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FLOORS: Mapping[str, int] = (
    dict.fromkeys(("__init__", "event", "outcome", "usage", "binding", "function", "urn", "errors", "clock"), 0)
    | dict.fromkeys(("cron", "offsets", "push", "schedule", "reservation", "runtimes"), 0)
    | dict.fromkeys(("trigger", "ledger", "dispatch", "runner", "catalog", "engine", "settings", "filters", "choice", "function_rules"), 1)
    | dict.fromkeys(("identity", "signature", "auth_token", "metrics", "status", "tracing", "decoding", "trigger_options"), 1)
    | dict.fromkeys(("addresses", "cloudevents", "hand_overs", "pushed", "source_settings", "text", "tls", "destination"), 1)
    | dict.fromkeys(("file_place", "followed_file", "readable_files"), 1)
    | dict.fromkeys(("v1", "wire"), 2)
    | dict.fromkeys(("host",), 3)
)
FLOOR_NAMES = ("nouns", "contracts", "wire", "host")
NOUNS_MAY_USE = frozenset({"msgspec"})
COMPOSITION = "sluice_cli.up"
"""The one module that puts all services together."""
OWNED: Mapping[str, frozenset[str]] = {
    "apsw": frozenset({"sluice_dispatcher", "sluice_control"}),
    "rich": frozenset({"sluice_cli"}),
    "typer": frozenset({"sluice_cli"}),
}
"""Drivers among the core dependencies that only some services may touch; a driver in an extra belongs to the service of that extra."""


@dataclass(frozen=True)
class Module:
    name: str
    imports: tuple[str, ...]
    """Full names as written; an imported attribute is included with its module."""

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def floor(self) -> int | None:
        """None outside libs/sluice, and for a module that nobody gave a floor."""
        parts = self.name.split(".")
        return FLOORS.get(parts[1] if len(parts) > 1 else "__init__") if parts[0] == "sluice" else None


def read(root: Path) -> dict[str, Module]:
    """Every module under libs/ and services/ by its full name."""
    found = (
        Module(name, tuple(imported(path, name)))
        for base in ("libs", "services")
        for path in sorted((root / base).rglob("*.py"))
        for name in [module_name(path.relative_to(root / base))]
    )
    return {module.name: module for module in found}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, name: str) -> Iterator[str]:
    """Names imported anywhere in the file: inside functions and under TYPE_CHECKING too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    kept = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def target(name: str, modules: Mapping[str, Module]) -> str | None:
    """The module of ours that an imported name lives in."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def faults(root: Path) -> list[str]:
    """Every import that goes the wrong way, as one sentence each."""
    modules = read(root)
    dependencies = Dependencies.read(root / "pyproject.toml")
    found = [fault for module in modules.values() for fault in module_faults(module, modules, dependencies)]
    return sorted(set(found)) + [f"{' -> '.join(cycle)} is a cycle" for cycle in cycles(modules)]


def module_faults(module: Module, modules: Mapping[str, Module], dependencies: "Dependencies") -> Iterator[str]:
    if module.package == "sluice" and module.floor is None:
        yield f"{module.name} has no floor"
    for name in module.imports:
        top = name.split(".")[0]
        if inside := target(name, modules):
            yield from inner_faults(module, modules[inside])
        elif top == "sluice" or top.startswith("sluice_"):
            yield f"{module.name} imports {name}, which does not exist"
        elif top not in sys.stdlib_module_names:
            yield from foreign_faults(module, top, dependencies)


def inner_faults(module: Module, other: Module) -> Iterator[str]:
    if module.package == "sluice" and other.package != "sluice":
        yield f"{module.name} imports the service {other.package}"
    elif module.floor is not None and other.floor is not None and other.floor > module.floor:
        yield f"{module.name} ({FLOOR_NAMES[module.floor]}) imports {other.name} ({FLOOR_NAMES[other.floor]})"
    elif other.package not in ("sluice", module.package) and module.name != COMPOSITION:
        yield f"{module.name} imports the service {other.package}"


def foreign_faults(module: Module, top: str, dependencies: "Dependencies") -> Iterator[str]:
    if module.floor == 0 and top not in NOUNS_MAY_USE:
        yield f"{module.name} (nouns) imports {top}"
    elif module.package not in OWNED.get(top, {module.package}):
        yield f"{module.name} imports {top}, the driver of {', '.join(sorted(OWNED[top]))}"
    elif not dependencies.allow(module.package, top):
        yield f"{module.name} imports {top}, which neither the core nor its extra depends on"


@dataclass(frozen=True)
class Dependencies:
    """What pyproject.toml lets each package import: the core dependencies, and the extra named like the service."""

    core: frozenset[str]
    extras: Mapping[str, frozenset[str]]
    distributions: Mapping[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> "Dependencies":
        project = tomllib.loads(path.read_text())["project"]
        extras = {f"sluice_{name}": names(listed) for name, listed in project.get("optional-dependencies", {}).items()}
        return cls(names(project["dependencies"]), extras, packages_distributions())

    def allow(self, package: str, top: str) -> bool:
        providers = {canonicalize_name(name) for name in self.distributions.get(top, [top])}
        return bool(providers & (self.core | self.extras.get(package, frozenset())))


def names(requirements: list[str]) -> frozenset[str]:
    return frozenset(str(canonicalize_name(Requirement(text).name)) for text in requirements)


def cycles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Each import cycle once, beginning with its first name in the alphabet."""
    edges = {
        name: {other for imported in module.imports if (other := target(imported, modules)) and other != name}
        for name, module in modules.items()
    }
    reach = {name: reachable(name, edges) for name in edges}
    rings = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in edges if name in reach[name]}
    return [list(ring) for ring in sorted(rings)]


def reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges[name])
    return seen
