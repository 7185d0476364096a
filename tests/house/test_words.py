"""The words that hide what a thing is stay out of the code."""

from pathlib import Path

import pytest

from tests.house.words import faults

ROOT = Path(__file__).resolve().parents[2]


def tree(root: Path, name: str, source: str) -> Path:
    path = root / "libs/sluice" / name
    path.parent.mkdir(parents=True)
    path.write_text(source)
    return root


def test_names_in_this_house_are_full_words() -> None:
    assert faults(ROOT) == []


def test_a_name_somebody_else_gave_is_no_fault(tmp_path: Path) -> None:
    assert faults(tree(tmp_path, "state.py", "from contextlib import contextmanager\nimport x\nx.helper()\n")) == []


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("utils.py", "", "libs/sluice/utils.py: utils"),
        ("state.py", "\nclass PoolManager: ...", "libs/sluice/state.py:2: PoolManager"),
        ("state.py", "def run(cfg: int) -> None: ...", "libs/sluice/state.py:1: cfg"),
        ("state.py", "def common_path() -> None: ...", "libs/sluice/state.py:1: common_path"),
        ("state.py", "async def run() -> None:\n    io_helper = 1", "libs/sluice/state.py:2: io_helper"),
        ("state.py", "self.mgr = 1", "libs/sluice/state.py:1: mgr"),
    ],
)
def test_a_word_that_hides_is_named(tmp_path: Path, name: str, source: str, fault: str) -> None:
    assert faults(tree(tmp_path, name, source)) == [fault]
