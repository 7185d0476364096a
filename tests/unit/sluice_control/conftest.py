"""A control of its own for each test."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from sluice.clock import SteppedClock
from sluice.status import Check
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client
from tests.unit.sluice_control.fakes import KINDS, FakeLogs, FakeRecords


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def control(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Control]:
    async with Control(tmp_path, KINDS, clock) as entered:
        yield entered


@pytest.fixture
def records() -> FakeRecords:
    return FakeRecords()


@pytest.fixture
def logs() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def api(control: Control, records: FakeRecords, logs: FakeLogs) -> Client:
    async def doctor() -> Sequence[Check]:
        return [Check("engine", True, "namespaces")]

    return Client(control.api(records, logs, doctor), control.project)
