"""Lays out a new kind of trigger that works, passes its tests, and waits to be given another source.

new_trigger.py NAME [--into FOLDER]
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "tools" / "templates" / "trigger"
NAME = re.compile(r"[a-z][a-z0-9]{1,29}")

FILES = {
    "__init__.py.txt": "services/sluice_{name}/__init__.py",
    "kind.py.txt": "services/sluice_{name}/kind.py",
    "settings.py.txt": "services/sluice_{name}/settings.py",
    "shape.py.txt": "services/sluice_{name}/shape.py",
    "source.py.txt": "services/sluice_{name}/source.py",
    "source_folder.py.txt": "services/sluice_{name}/source_folder.py",
    "trigger.py.txt": "services/sluice_{name}/trigger.py",
    "page.md.txt": "docs/{name}.md",
    "test_shape.py.txt": "tests/unit/sluice_{name}/test_shape.py",
    "test_settings.py.txt": "tests/unit/sluice_{name}/test_settings.py",
    "test_conformance.py.txt": "tests/conformance/test_{name}.py",
}


def lay_out(name: str, root: Path) -> list[Path]:
    """Write all files of the kind; what was written. Refuses a name that is taken before anything changes."""
    if not NAME.fullmatch(name):
        raise SystemExit(f"{name!r} is not a name: 2-30 lower-case letters and digits, a letter first")
    if (root / "services" / f"sluice_{name}").exists():
        raise SystemExit(f"services/sluice_{name} is there already")
    words = {"kind": name, "Kind": name.capitalize(), "KIND": name.upper()}
    written = [write(root / place.format(name=name), (TEMPLATES / template).read_text(), words) for template, place in FILES.items()]
    typed = root / "services" / f"sluice_{name}" / "py.typed"
    typed.touch()
    manifest = root / "pyproject.toml"
    manifest.write_text(with_kind(manifest.read_text(), name))
    return [*written, typed, manifest]


def write(path: Path, template: str, words: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template(template).substitute(words))
    return path


def with_kind(manifest: str, name: str) -> str:
    """pyproject.toml with the kind's extra, its package in the wheel, and its entry point."""
    manifest = replaced(r"^all = \[\"sluice\[(.*)\]\"\]$", rf'{name} = []\nall = ["sluice[\1,{name}]"]', manifest)
    manifest = replaced(r'^(    "services/sluice_timer",\n)', rf'\1    "services/sluice_{name}",\n', manifest)
    return replaced(r'^(\[project\.entry-points\."sluice\.kinds"\]\n(?:\w+ = .*\n)*)', rf'\1{name} = "sluice_{name}:KIND"\n', manifest)


def replaced(pattern: str, replacement: str, text: str) -> str:
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    if not count:
        raise SystemExit(f"pyproject.toml has no place for the kind: nothing matches {pattern}")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description="Lay out a new kind of trigger")
    parser.add_argument("name", help="one word in lower case; make new-trigger NAME=redis")
    parser.add_argument("--into", type=Path, default=ROOT, help="a copy of the project")
    chosen = parser.parse_args()
    for path in lay_out(chosen.name, chosen.into):
        print(path.relative_to(chosen.into))
    print(f"next: make lock setup, then tests/conformance/test_{chosen.name}.py", file=sys.stderr)


if __name__ == "__main__":
    main()
