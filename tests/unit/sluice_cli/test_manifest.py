"""sluice.yaml read from disk: lines, secrets from elsewhere, and what is no YAML."""

from pathlib import Path

import pytest

from sluice.errors import Invalid
from sluice_cli.manifest import read


def write(folder: Path, text: str) -> Path:
    file = folder / "sluice.yaml"
    file.write_text(text)
    return file


def test_every_key_knows_its_line(tmp_path: Path) -> None:
    found = read(write(tmp_path, "functions:\n  a:\n    image: x\n    triggers:\n      - type: T\n        name: n\n"))
    assert [found.lines.of(field) for field in ("functions.a", "functions.a.image", "functions.a.triggers.0.name")] == [2, 3, 6]


def test_a_missing_key_is_placed_where_it_would_be(tmp_path: Path) -> None:
    found = read(write(tmp_path, "functions:\n  a:\n    triggers:\n      - type: T\n"))
    assert found.lines.of("functions.a.triggers.0.schedule") == 4


def test_a_key_that_stands_twice_is_a_fault(tmp_path: Path) -> None:
    found = read(write(tmp_path, "functions:\n  a: {image: x}\n  a: {image: y}\n"))
    assert [str(fault) for fault in found.faults] == ["functions.a: stands here again, after line 2"]


def test_secrets_come_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    text = "functions:\n  a:\n    image: x\n    secrets: {ONE: {env: ONE}, TWO: {file: secret}}\n"
    found = read(write(tmp_path, text), {"ONE": "from the environment"})
    assert found.manifest.functions["a"].secrets == {"ONE": "from the environment", "TWO": "from a file"}


def test_a_secret_that_is_nowhere_is_a_fault(tmp_path: Path) -> None:
    text = "functions:\n  a:\n    image: x\n    secrets: {ONE: {env: ONE}, TWO: {file: secret}}\n"
    faults = [fault.field for fault in read(write(tmp_path, text), {}).faults]
    assert faults == ["functions.a.secrets.ONE", "functions.a.secrets.TWO"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("functions: [", "is not YAML"),
        ("a: b: c", "sluice.yaml:1"),
        ("--- 1\n--- 2\n", "is not YAML"),
        ("&a {functions: {a: *a}}", "refers to itself"),
        ("functions: !!python/object:os.system {}", "is not YAML"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "[]", "1", "functions:", "functions: []", "functions: {a: 1}", "functions: {1: {image: x}}"])
def test_another_shape_is_a_fault(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, text)).faults


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        read(tmp_path / "none.yaml")
    (tmp_path / "sluice.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid, match="UTF-8"):
        read(tmp_path / "sluice.yaml")
