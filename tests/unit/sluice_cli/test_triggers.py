"""Where the record of a dry run comes from."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from sluice_cli import triggers


def test_a_record_is_a_text_a_file_or_what_stands_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "record"
    file.write_bytes(b"\xff\x00")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"piped\xfe")))
    assert [triggers._bytes(text) for text in ("größe", f"@{file}", "-")] == ["größe".encode(), b"\xff\x00", b"piped\xfe"]


def test_a_file_that_cannot_be_read_is_wrong_usage() -> None:
    with pytest.raises(typer.BadParameter, match="nowhere cannot be read"):
        triggers._bytes("@nowhere")
