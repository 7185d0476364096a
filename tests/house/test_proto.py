"""The generated half of the wire is what `make proto` makes of proto/ today, and lint guards what is spoken."""

import subprocess
from pathlib import Path

import pytest

from tools.proto import FOLDERS, ProtoError, generate, lint

ROOT = Path(__file__).resolve().parents[2]
EVENT = 'syntax = "proto3";\n\npackage sluice.v1;\n\nmessage Event {\n  string id = 1;\n  bytes data = 2;\n}\n'


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix in (".py", ".pyi")}


def house(root: Path, event: str = EVENT) -> Path:
    """A repository whose last commit speaks EVENT and whose working tree speaks `event`."""
    source = root / "proto/sluice/v1/event.proto"
    source.parent.mkdir(parents=True)
    source.write_text(EVENT)
    (root / "buf.yaml").write_text((ROOT / "buf.yaml").read_text())
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message=wire"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    source.write_text(event)
    return root


def test_the_generated_code_is_fresh(tmp_path: Path) -> None:
    generate(ROOT / "proto", tmp_path)
    for package, folder in FOLDERS.items():
        assert texts(ROOT / folder / package) == texts(tmp_path / folder / package), "run make proto"


def test_every_package_has_its_folder() -> None:
    packages = {path.parent.relative_to(ROOT / "proto") for path in (ROOT / "proto").rglob("*.proto")}
    assert packages == set(FOLDERS)


def test_a_changed_message_makes_the_generated_code_stale(tmp_path: Path) -> None:
    root = house(tmp_path / "a")
    generate(root / "proto", tmp_path / "before")
    (root / "proto/sluice/v1/event.proto").write_text(EVENT.replace("data = 2", "data = 3"))
    generate(root / "proto", tmp_path / "after")
    assert texts(tmp_path / "before/libs/sluice/v1") != texts(tmp_path / "after/libs/sluice/v1")


def test_a_file_that_does_not_compile_is_refused(tmp_path: Path) -> None:
    root = house(tmp_path, EVENT.replace("bytes", "byte"))
    with pytest.raises(ProtoError, match="refused"):
        generate(root / "proto", tmp_path / "out")


def test_a_field_added_is_no_break(tmp_path: Path) -> None:
    lint(house(tmp_path, EVENT.replace("2;", "2;\n  string kind = 3;")))


def test_a_field_that_changes_its_type_is_a_break(tmp_path: Path) -> None:
    with pytest.raises(ProtoError, match="breaking"):
        lint(house(tmp_path, EVENT.replace("bytes data", "int64 data")))


def test_a_field_against_the_style_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtoError, match="lint"):
        lint(house(tmp_path, EVENT.replace("data", "theData")))
