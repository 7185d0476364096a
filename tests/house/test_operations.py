"""docs/operations.md lists every setting and every metric, with what they are."""

import re
from pathlib import Path

import msgspec
import pytest

from sluice import metrics
from sluice.metrics import REGISTER
from sluice.settings import Secret, Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]*) \|", re.MULTILINE)


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """The tables of a section: the first cell, and the two after it."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {match[1]: (match[2].strip(), match[3].strip()) for match in ROW.finditer(section)}


def test_every_setting_is_listed_with_its_default() -> None:
    values = msgspec.structs.asdict(Settings())
    defaults = {name: value.reveal() if isinstance(value, Secret) else str(value) for name, value in values.items()}
    assert {name: shown.strip("`").replace("empty", "") for name, (shown, _) in rows("Settings").items()} == defaults


def test_every_metric_is_listed_with_its_type_and_labels() -> None:
    wanted = {metric.name: (str(metric.kind), ", ".join(f"`{label}`" for label in metric.labels)) for metric in REGISTER}
    assert rows("Metrics") == wanted


@pytest.mark.parametrize("span", [metrics.SPAN_RECEIVE, metrics.SPAN_ATTEMPT])
def test_every_span_is_named(span: str) -> None:
    assert f"`{span}`" in PAGE
