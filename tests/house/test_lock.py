"""uv.lock is fresh and names no package index."""

from pathlib import Path

from tests.house.lock import faults
from tools.lock import without_hosts

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = '[project]\nname = "sluice"\ndependencies = ["msgspec>=0.19"]\n[dependency-groups]\ndev = ["pytest"]\n'
LOCK = """
[[package]]
name = "msgspec"
version = "0.19"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/packages/ab/cd/msgspec-0.19.tar.gz", hash = "sha256:00" }

[[package]]
name = "sluice"
source = { editable = "." }

[package.metadata]
requires-dist = [{ name = "msgspec", specifier = ">=0.19" }]

[package.metadata.requires-dev]
dev = [{ name = "pytest" }]
"""


def tree(root: Path, pyproject: str, lock: str) -> Path:
    (root / "pyproject.toml").write_text(pyproject)
    (root / "uv.lock").write_text(lock)
    return root


def test_the_lock_of_this_house_is_fresh() -> None:
    assert faults(ROOT) == []


def test_a_lock_without_hosts_has_no_faults(tmp_path: Path) -> None:
    assert faults(tree(tmp_path, PYPROJECT, without_hosts(LOCK))) == []


def test_a_host_in_the_lock_is_named(tmp_path: Path) -> None:
    found = faults(tree(tmp_path, PYPROJECT, LOCK))
    assert sorted(fault.split(":")[0] for fault in found) == [
        "uv.lock names the host files.example",
        "uv.lock names the host index.example",
    ]


def test_a_dependency_the_lock_does_not_know_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path, PYPROJECT.replace('"msgspec>=0.19"', '"msgspec>=0.20"'), without_hosts(LOCK))
    assert faults(root) == [
        "uv.lock does not know msgspec>=0.20 of the core: run make lock",
        "uv.lock still has msgspec>=0.19 of the core: run make lock",
    ]


def test_a_development_dependency_counts_too(tmp_path: Path) -> None:
    root = tree(tmp_path, PYPROJECT.replace('"pytest"', '"pytest", "ruff"'), without_hosts(LOCK))
    assert faults(root) == ["uv.lock does not know ruff of dev: run make lock"]


def test_taking_the_hosts_out_keeps_file_names_and_digests() -> None:
    assert 'url = "https://files.invalid/msgspec-0.19.tar.gz", hash = "sha256:00"' in without_hosts(LOCK)
