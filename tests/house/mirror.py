"""tests/unit mirrors the source: whoever opens a module knows where its tests are."""

from collections.abc import Iterator
from pathlib import Path


def faults(root: Path) -> list[str]:
    """Every unit test that stands where no module is: `test_pool.py` and `test_pool_budget.py` belong to `pool.py` in the same folder."""
    unit = root / "tests/unit"
    return [fault for path in sorted(unit.rglob("test_*.py")) for fault in file_faults(path.relative_to(unit), root)]


def file_faults(path: Path, root: Path) -> Iterator[str]:
    folders = [root / base / path.parent for base in ("libs", "services", "") if (root / base / path.parent).is_dir()]
    stem = path.stem.removeprefix("test_")
    if not folders:
        yield f"tests/unit/{path}: there is no folder {path.parent} in libs, in services or here"
    elif not any(stem == name or stem.startswith(f"{name}_") for folder in folders for name in modules(folder)):
        yield f"tests/unit/{path}: no module in {path.parent} begins its name"


def modules(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            yield path.stem
        elif path.is_dir():
            yield path.name
