"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.event import Record
from sluice_cts.reading import read
from sluice_cts.settings import CtsSettings
from sluice_cts.shape import shape, value_of
from tests.conformance.bench import BINDING
from tests.unit.sluice_cts.samples import DENIED, DEPLOYMENT, HEALTH, SERVER, TRACE

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = CtsSettings(name="n", operations=["*:*:*"])
CASES: dict[str, Any] = {"kubernetes": DEPLOYMENT, "kubernetes_denied": DENIED, "kubernetes_path": HEALTH, "cadf": SERVER, "trace": TRACE}


def record(sent: Any) -> Record:
    (named,) = read(json.dumps(sent).encode())
    return Record(value_of(named.trace), "system", named.name, named.trace.time * 1000)


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    assert shape(BINDING, SETTINGS, [record(CASES[name])]) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_a_trace_as_it_is_stays_as_it_is() -> None:
    assert json.loads(shape(BINDING, SETTINGS, [record(TRACE)])) == {"cts": TRACE}


def test_several_are_a_list_of_events() -> None:
    assert json.loads(shape(BINDING, SETTINGS, [record(TRACE), record(TRACE)])) == [{"cts": TRACE}] * 2
