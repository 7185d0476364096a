"""Names say what a thing is: no abbreviations, and none of the words under which anything can be put."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BANNED = frozenset({"cfg", "mgr", "util", "utils", "helper", "helpers", "common", "manager", "misc"})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
FOLDERS = ("libs", "services", "tests", "tools")
GENERATED = Path("libs/sluice/v1")


def faults(root: Path) -> list[str]:
    """Every name in our own code that holds a banned word, with file and line."""
    files = [path.relative_to(root) for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    return [fault for path in files if GENERATED not in path.parents for fault in file_faults(root, path)]


def file_faults(root: Path, path: Path) -> Iterator[str]:
    for part in path.with_suffix("").parts:
        if banned(part):
            yield f"{path}: {part}"
    for line, name in names(ast.parse((root / path).read_text(), str(path))):
        if banned(name):
            yield f"{path}:{line}: {name}"


def banned(name: str) -> bool:
    return not BANNED.isdisjoint(word.lower() for word in WORD.findall(name))


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names given here: definitions, arguments and assignments. Names that others gave are not ours to judge."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
