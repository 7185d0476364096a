"""sluice.yaml read from disk: types, where each key stands, and every fault with its line."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sluice.decoding import faults_of, understood
from sluice.errors import Fault, Invalid
from sluice_cli.schema import Function, Manifest

_SOURCES = ("env", "file")


class Lines:
    """The line of each key by its dotted path."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[str, int] = {}
        self.twice: list[Fault] = []
        if root is not None:
            self._walk("", root)

    def of(self, field: str) -> int:
        """Of the key, else of what holds it."""
        while field and field not in self._lines:
            field = field.rpartition(".")[0]
        return self._lines.get(field, 1)

    def _walk(self, prefix: str, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._child(f"{prefix}{key.value}", key.start_mark.line, value)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._child(f"{prefix}{index}", value.start_mark.line, value)

    def _child(self, name: str, line: int, value: yaml.Node) -> None:
        if name in self._lines:
            self.twice.append(Fault(name, f"stands here again, after line {self._lines[name]}"))
            return
        self._lines[name] = line + 1
        self._walk(f"{name}.", value)


class Read(NamedTuple):
    """A file as far as it could be understood. `manifest` has the functions without what is wrong with their shape; `faults` says what."""

    file: Path
    manifest: Manifest
    lines: Lines
    faults: list[Fault]

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return self.file.parent


def read(file: Path, environment: Mapping[str, str] = os.environ) -> Read:
    """Raises Invalid if the file cannot be read as YAML at all."""
    text = _text(file)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        data = yaml.load(text, Loader=yaml.CSafeLoader)
        lines = Lines(node)
    except yaml.YAMLError as error:
        raise Invalid([Fault(_place(file, error), f"is not YAML: {_problem(error)}")]) from None
    except RecursionError:
        raise Invalid([Fault(str(file), "refers to itself without end")]) from None
    faults = list(lines.twice)
    data = _filled(data, "", file.parent, environment, faults)
    faults += faults_of(data, Manifest)
    return Read(file, Manifest(functions=dict(_understood(data))), lines, faults)


def _understood(data: Any) -> Iterator[tuple[str, Function]]:
    functions = data.get("functions") if isinstance(data, dict) else None
    for name, function in functions.items() if isinstance(functions, dict) else ():
        if isinstance(function, dict):
            yield str(name), understood(function, Function)


def located(file: Path, lines: Lines, faults: Sequence[Fault]) -> Invalid:
    """The same faults with file and line, in the order of the file."""
    ordered = sorted(faults, key=lambda fault: lines.of(fault.field))
    return Invalid([Fault(f"{file}:{lines.of(fault.field)}: {fault.field}".rstrip(": "), fault.rule) for fault in ordered])


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise Invalid([Fault(str(file), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise Invalid([Fault(str(file), "is not UTF-8")]) from None


def _place(file: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{file}:{mark.line + 1}" if mark else str(file)


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _filled(value: Any, field: str, folder: Path, environment: Mapping[str, str], faults: list[Fault]) -> Any:
    """`value` with each `{env: NAME}` and `{file: PATH}` replaced by what it names, so that secrets need not stand in the file."""
    if isinstance(value, list):
        return [_filled(item, f"{field}.{index}".lstrip("."), folder, environment, faults) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    match value:
        case {"env": str() as name} if len(value) == 1:
            return _from_environment(name, field, environment, faults)
        case {"file": str() as name} if len(value) == 1:
            return _from_file(folder / name, field, faults)
    return {key: _filled(item, f"{field}.{key}".lstrip("."), folder, environment, faults) for key, item in value.items()}


def _from_environment(name: str, field: str, environment: Mapping[str, str], faults: list[Fault]) -> str:
    if name not in environment:
        faults.append(Fault(field, f"the environment has no {name}"))
    return environment.get(name, "")


def _from_file(file: Path, field: str, faults: list[Fault]) -> str:
    try:
        return file.read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(field, f"{file} cannot be read: {error}"))
        return ""
