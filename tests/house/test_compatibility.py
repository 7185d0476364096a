"""docs/compatibility.md is what the code makes of it, and what it says is served is served and proved."""

from pathlib import Path

import pytest

from sluice_control import unserved
from tools.compatibility import PAGE, USEFUL, differing, here, known_to_the_sdk, made_of_the_code, page, proofs, rows


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(made_of_the_code()), "run make proto"


def test_every_operation_of_the_sdk_is_answered_at_its_method_and_path() -> None:
    assert list(differing(known_to_the_sdk(), here())) == []


def test_every_served_operation_has_a_test_that_proves_it() -> None:
    assert [row.name for row in made_of_the_code() if not row.proof] == []


def test_there_are_92_operations_54_of_them_served() -> None:
    made = made_of_the_code()
    assert {kind: sum(row.priority == kind for row in made) for kind in "ABC"} == {"A": 30, "B": 24, "C": 38}
    assert {row.name for row in made} >= USEFUL
    assert {row.name for row in made if not row.served} == {operation.name for operation in unserved.operations()}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_create_function_twice", "create_function"),
        ("test_create_function_version", "create_function_version"),
        ("test_create_functions", None),
        ("test_the_create_function", None),
    ],
)
def test_a_test_proves_the_operation_whose_name_it_begins_with(tmp_path: Path, name: str, found: str | None) -> None:
    (tmp_path / "tests/functiongraph").mkdir(parents=True)
    (tmp_path / "tests/functiongraph/test_it.py").write_text(f"async def {name}() -> None: ...\n")
    proved = proofs(tmp_path / "tests", ["create_function", "create_function_version"])
    assert proved == ({found: f"tests/functiongraph/test_it.py::{name}"} if found else {})


def test_an_operation_without_a_test_or_at_another_path_is_noticed(tmp_path: Path) -> None:
    known = {"list_functions": ("GET", "/v2/{project_id}/elsewhere"), "walk": ("GET", "/v2/{project_id}/walk")}
    assert [fault.partition(":")[0] for fault in differing(known, here())] == ["list_functions", "walk"]
    assert [row.proof for row in rows(known, [], tmp_path)] == ["", ""]
