"""What the documents promise: links that lead somewhere, examples that load, commands that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
MAKE = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)", re.MULTILINE)
SLUICE = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?sluice ([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:")


class Block(NamedTuple):
    path: Path
    line: int
    language: str
    text: str


def documents(root: Path) -> list[Path]:
    """Every Markdown file of the project; hidden folders are not the project's."""
    return [path for path in sorted(root.rglob("*.md")) if not any(part.startswith(".") for part in path.relative_to(root).parts)]


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text()
    for match in FENCE.finditer(text):
        yield Block(path, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def faults(root: Path) -> list[str]:
    """Every promise that is not kept, with file and line."""
    return [fault for path in documents(root) for fault in document_faults(path, root)]


def unlisted_decisions(root: Path) -> list[str]:
    """Pages of docs/decisions that its index does not link to."""
    folder = root / "docs/decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    return [path.name for path in sorted(folder.glob("[0-9]*.md")) if path.name not in listed]


def document_faults(path: Path, root: Path) -> Iterator[str]:
    name = path.relative_to(root)
    for block in blocks(path):
        if fault := example_fault(block):
            yield f"{name}:{block.line}: {fault}"
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if fault := link_fault(path, link):
            yield f"{name}: {fault}"
    targets = set(TARGET.findall((root / "Makefile").read_text()))
    for target in sorted({target for text in commands(path) for target in MAKE.findall(text)} - targets):
        yield f"{name}: make {target} is no target"


def example_fault(block: Block) -> str | None:
    try:
        if block.language in ("python", "py"):
            compile(block.text, str(block.path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        elif block.language in ("yaml", "yml"):
            list(yaml.load_all(block.text, Loader=yaml.CSafeLoader))
    except (SyntaxError, yaml.YAMLError) as fault:
        return f"the {block.language} example does not load: {str(fault).splitlines()[0]}"
    return None


def link_fault(path: Path, link: str) -> str | None:
    if SCHEME.match(link):
        return None
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    if not target.exists():
        return f"the link {link} leads nowhere"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"the link {link} names no heading"
    return None


def anchors(path: Path) -> set[str]:
    """The heading names that GitHub makes."""
    headings = HEADING.findall(FENCE.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(path: Path) -> Iterator[str]:
    """What a document tells the reader to type: shell examples, and `code` in the text."""
    for block in blocks(path):
        if block.language in ("", "sh", "bash", "shell", "console"):
            yield block.text
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", path.read_text()))


def subcommands(root: Path) -> dict[str, Path]:
    """Each command of `sluice` that a document shows, and one document that shows it."""
    return {name: path for path in documents(root) for text in commands(path) for name in SLUICE.findall(text)}
