"""What `make new-trigger` lays out is whole: lint, types, its tests and the conformance suite pass as it stands."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.new_trigger import ROOT, lay_out, with_kind

COPIED = (
    "pyproject.toml",
    "libs",
    "services/sluice_kafka",
    "tests/conformance",
    "tests/conftest.py",
    "tests/remoting.py",
    "tests/servers.py",
    "tests/waiting.py",
)

CONFORMANCE = ("pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_sample.py")
RUN = "    async def run("
UNFILLED = """\
    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        raise NotImplementedError("run")
"""
MOST_LINES = 60


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a kind leans on."""
    for name in COPIED:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    return tmp_path


def run(tree: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """In the copy, with what is installed here."""
    environment = os.environ | {"PYTHONPATH": f"{tree}:{tree / 'libs'}:{tree / 'services'}"}
    return subprocess.run([sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True, timeout=240, check=False)


def passes(tree: Path, *command: str) -> None:
    done = run(tree, "-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_new_kind_is_whole_and_its_run_is_at_most_sixty_lines(tree: Path) -> None:
    """All of it is there; what an author writes is `run`, with what it calls. Without that nothing is read, so that it is that which is
    put through the suite."""
    laid_out = run(tree, str(ROOT / "tools/new_trigger.py"), "sample", "--into", str(tree))
    assert laid_out.returncode == 0, laid_out.stderr
    trigger = tree / "services/sluice_sample/trigger.py"
    whole = trigger.read_text()
    head, begin, reading = whole.partition(RUN)
    assert begin
    assert len((begin + reading).strip().splitlines()) <= MOST_LINES
    trigger.write_text(head + UNFILLED)
    unfilled = run(tree, "-m", *CONFORMANCE, "-k", "TestFake and (ready_comes_once or example_parses)")
    assert "1 failed, 1 passed" in unfilled.stdout, unfilled.stdout
    trigger.write_text(whole)
    written = [line for line in laid_out.stdout.split() if line.endswith(".py")]
    passes(tree, "ruff", "check", *written)
    passes(tree, "ruff", "format", "--check", *written)
    passes(tree, "mypy", *written)
    passes(tree, *CONFORMANCE, "tests/unit/sluice_sample")


def test_a_new_kind_is_in_the_manifest() -> None:
    manifest = tomllib.loads(with_kind((ROOT / "pyproject.toml").read_text(), "sample"))
    assert manifest["project"]["optional-dependencies"]["sample"] == []
    assert ",sample]" in manifest["project"]["optional-dependencies"]["all"][0]
    assert manifest["project"]["entry-points"]["sluice.kinds"]["sample"] == "sluice_sample:KIND"
    assert "services/sluice_sample" in manifest["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("name", ["", "Sample", "two words", "../evil", "x-y", "1st"])
def test_a_name_is_one_word(tree: Path, name: str) -> None:
    with pytest.raises(SystemExit, match="is not a name"):
        lay_out(name, tree)


def test_a_kind_that_is_there_is_left_alone(tree: Path) -> None:
    before = (tree / "pyproject.toml").read_text()
    with pytest.raises(SystemExit, match="is there already"):
        lay_out("kafka", tree)
    assert (tree / "pyproject.toml").read_text() == before
