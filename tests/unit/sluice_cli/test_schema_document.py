"""The schema that editors are given says what the types say."""

from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from sluice_cli.schema_document import document

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").rglob("sluice.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_fits_it(file: Path) -> None:
    jsonschema_rs.Draft202012Validator(document()).validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    ("function", "fits"),
    [
        ({"image": {"env": "IMAGE"}, "secrets": {"A": {"file": "a"}}}, True),
        ({"image": {"environment": "IMAGE"}}, False),
        ({"image": "x", "memory": "256"}, False),
        ({"image": "x", "colour": "red"}, False),
        ({"image": "x", "aliases": {"live": {"version": "v1", "weight": {"v2": 1}}}, "tags": {"a": "b"}, "reserved": 1}, True),
        ({"image": "x", "aliases": {"live": {}}}, False),
    ],
)
def test_what_it_takes_is_what_the_file_takes(function: dict[str, object], fits: bool) -> None:
    assert jsonschema_rs.Draft202012Validator(document()).is_valid({"functions": {"a": function}}) is fits
