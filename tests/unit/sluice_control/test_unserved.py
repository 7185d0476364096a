"""Operations that are not served say so by name."""

import re

import pytest

from sluice_control.control import Control
from sluice_control.unserved import operations
from tests.unit.sluice_control.client import Client
from tests.unit.sluice_control.fakes import FakeLogs, FakeRecords


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
async def test_an_operation_that_is_not_served_answers_501_with_its_name(api: Client, operation: object) -> None:
    path = re.sub(r"\{(?!p\})\w+\}", "x", operation.path.replace("{project_id}", "{p}"))  # type: ignore[attr-defined]
    answer = await api(operation.method, path)  # type: ignore[attr-defined]
    assert answer.error == (501, "FSS.0501")
    assert operation.name in answer.message  # type: ignore[attr-defined]


def test_there_are_38_of_them() -> None:
    assert len({operation.name for operation in operations()}) == len(operations()) == 38


async def test_who_asks_is_checked_first(control: Control, records: FakeRecords, logs: FakeLogs, api: Client) -> None:
    async def no_checks() -> list[object]:
        return []

    nobody = Client(control.api(records, logs, no_checks, lambda _scope: None), control.project)  # type: ignore[arg-type]
    assert (await nobody("GET", "/v2/{p}/fgs/workflows")).error == (401, "FSS.0401")
    assert (await api.of_project("f" * 32)("GET", f"/v2/{control.project}/fgs/workflows")).error == (404, "FSS.0404")
