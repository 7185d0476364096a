"""Both versions, on folders that look like the kernel's; the real ones are met in the engine's contract."""

from pathlib import Path

import pytest

from sluice_runner.cgroups import Cgroups


def unified(root: Path) -> Path:
    (root / "cgroup.controllers").touch()
    return root


def separate(root: Path) -> Path:
    for controller in ("memory", "pids"):
        (root / controller).mkdir()
        (root / controller / "cgroup.procs").touch()
    return root


def test_without_a_memory_controller_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no memory controller"):
        Cgroups("sluice-1", tmp_path)


def test_the_unified_hierarchy_delegates_its_controllers_downwards(tmp_path: Path) -> None:
    Cgroups("sluice-1", unified(tmp_path)).open()
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (tmp_path / "sluice-1" / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_separate_hierarchies_have_a_folder_each(tmp_path: Path) -> None:
    groups = Cgroups("sluice-1", separate(tmp_path))
    groups.open()
    assert [path.is_dir() for path in (tmp_path / "memory" / "sluice-1", tmp_path / "pids" / "sluice-1")] == [True, True]
    groups.close()
    assert [path.exists() for path in (tmp_path / "memory" / "sluice-1", tmp_path / "pids" / "sluice-1")] == [False, False]
