"""Unit tests stand where their module stands."""

from pathlib import Path

import pytest

from tests.house.mirror import faults

ROOT = Path(__file__).resolve().parents[2]


def tree(root: Path, test: str) -> Path:
    for name in ("libs/sluice/host/loop.py", "services/sluice_runner/pool.py", "tools/lock.py", f"tests/unit/{test}"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_the_unit_tests_of_this_house_mirror_its_source() -> None:
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    "test", ["sluice_runner/test_pool.py", "sluice/host/test_loop_restart.py", "sluice/test_host.py", "tools/test_lock.py"]
)
def test_a_test_beside_its_module_is_in_place(tmp_path: Path, test: str) -> None:
    assert faults(tree(tmp_path, test)) == []


@pytest.mark.parametrize(
    ("test", "fault"),
    [
        ("sluice_pool/test_pool.py", "tests/unit/sluice_pool/test_pool.py: there is no folder sluice_pool in libs, in services or here"),
        ("sluice_runner/test_loop.py", "tests/unit/sluice_runner/test_loop.py: no module in sluice_runner begins its name"),
        ("test_pool.py", "tests/unit/test_pool.py: no module in . begins its name"),
    ],
)
def test_a_test_without_its_module_is_named(tmp_path: Path, test: str, fault: str) -> None:
    assert faults(tree(tmp_path, test)) == [fault]
