"""docs/compatibility.md, from the code: FunctionGraph's operations as its SDK has them, those that are served here, and what proves it.

`make proto` writes the page; a test of the house compares it, and holds each served operation against the SDK's method and path and
against the tests.
"""

import asyncio
import inspect
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient

from sluice.clock import SystemClock
from sluice.status import Check
from sluice_control import unserved
from sluice_control.api import operations
from sluice_control.asgi import Operation
from sluice_control.control import Control
from sluice_control.openapi import INVOCATIONS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/compatibility.md"
SDK = "3.1.219"
UNSERVED_PROOF = "test_an_operation_that_is_not_served_raises_the_sdks_exception_with_its_name"
USEFUL = frozenset(
    {
        "create_event",
        "create_tags",
        "delete_event",
        "delete_tags",
        "enable_async_status_log",
        "export_function",
        "import_function",
        "list_events",
        "list_function_as_metric",
        "list_function_reserved_instances",
        "list_function_statistics",
        "list_function_tags",
        "list_quotas",
        "list_reserved_instance_configs",
        "list_statistics",
        "show_event",
        "show_func_reserved_instance_metrics",
        "show_function_metrics",
        "show_lts_log_details",
        "show_project_async_status_log_info",
        "show_project_tags_list",
        "show_res_instance_info",
        "update_event",
        "update_function_reserved_instances_count",
    }
)
"""Priority B: served, and not needed to run a function. What is served beside them is A, what is not served C."""
_SOURCE = re.compile(r'"method": "(\w+)",\s*"resource_path": "([^"]+)"')
_TEST = re.compile(r"^(?:async )?def test_(\w+)\(", re.MULTILINE)
_PARAMETER = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Row:
    """One operation of the SDK. `proof` is a file and a test in it, or ""."""

    name: str
    method: str
    path: str
    priority: str
    proof: str

    @property
    def served(self) -> bool:
        return self.priority != "C"


def known_to_the_sdk() -> dict[str, tuple[str, str]]:
    """Method and path of each operation that the SDK has, by its name."""
    found: dict[str, tuple[str, str]] = {}
    for name in dir(FunctionGraphClient):
        told = _SOURCE.search(inspect.getsource(getattr(FunctionGraphClient, name))) if name.endswith("_http_info") else None
        if told:
            found[name.removeprefix("_").removesuffix("_http_info")] = (told[1], told[2])
    return found


async def served_here() -> list[Operation]:
    """What control serves and what the gateway serves by itself. Nothing is asked of dispatcher and runner, so nobody stands there."""
    nobody: Any = None

    async def no_checks() -> Sequence[Check]:
        return []

    with tempfile.TemporaryDirectory() as data:
        async with Control(Path(data), {}, SystemClock()) as control:
            return [*operations(control, nobody, nobody, no_checks), *INVOCATIONS]


def same(path: str) -> str:
    """A path without the names of its parameters."""
    return _PARAMETER.sub("{}", path)


def differing(known: Mapping[str, tuple[str, str]], here: Iterable[Operation]) -> Iterator[str]:
    """Operations of the SDK that are not here, or with another method or path."""
    by_name = {operation.name: operation for operation in here}
    for name, (method, path) in known.items():
        operation = by_name.get(name)
        if operation is None:
            yield f"{name}: is not here"
        elif (operation.method, same(operation.path)) != (method, same(path)):
            yield f"{name}: is {operation.method} {operation.path}, and {method} {path} in the SDK"


def proofs(tests: Path, names: Iterable[str]) -> dict[str, str]:
    """A test of each operation: one whose name goes on from the operation's, the shortest. Tests with the SDK come before any others."""
    longest_first = sorted(names, key=len, reverse=True)
    found: dict[str, str] = {}
    for file, test in sorted(_tests(tests), key=lambda one: ("tests/functiongraph/" not in one[0], len(one[1]), one)):
        name = next((name for name in longest_first if test == name or test.startswith(f"{name}_")), "")
        if name:
            found.setdefault(name, f"{file}::test_{test}")
    return found


def _tests(folder: Path) -> Iterator[tuple[str, str]]:
    """Every test: its file, and its name after `test_`."""
    for path in folder.rglob("test_*.py"):
        for test in _TEST.findall(path.read_text()):
            yield str(path.relative_to(folder.parent)), test


def rows(known: Mapping[str, tuple[str, str]], missing: Iterable[str], tests: Path) -> list[Row]:
    """All operations of the SDK: those that are served first, each kind by path."""
    gone = set(missing)
    proved = proofs(tests, known)
    made = [
        Row(
            name,
            method,
            path.removeprefix("/v2/{project_id}"),
            "C" if name in gone else "B" if name in USEFUL else "A",
            f"tests/functiongraph/test_unserved.py::{UNSERVED_PROOF}" if name in gone else proved.get(name, ""),
        )
        for name, (method, path) in known.items()
    ]
    return sorted(made, key=lambda row: (row.priority, row.path, row.method))


def page(made: Sequence[Row]) -> str:
    served = [row for row in made if row.served]
    lines = [
        "# Compatibility",
        "",
        "Generated by `make proto` from the code; not edited.",
        "",
        f"FunctionGraph's REST API v2 as its Python SDK {SDK} has it: {len(made)} operations, {len(served)} of them served.",
        "The unmodified SDK drives each in the test that is named. The others answer 501 with `FSS.0501`, a code of ours, and a",
        "message that names the operation and says what to do instead.",
        "",
        "Paths are below `/v2/{project_id}`. Priority: A to run functions, B useful, C not served.",
        "",
        "| operation | method and path | priority | served | proof |",
        "|---|---|---|---|---|",
        *(_line(row) for row in made),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    file, _, test = row.proof.partition("::")
    proof = f"[{test}](../{file})" if row.proof else ""
    return f"| `{row.name}` | `{row.method} {row.path}` | {row.priority} | {'yes' if row.served else 'no'} | {proof} |"


def made_of_the_code() -> list[Row]:
    return rows(known_to_the_sdk(), (operation.name for operation in unserved.operations()), ROOT / "tests")


def here() -> list[Operation]:
    """Everything that is answered, served or not."""
    return [*asyncio.run(served_here()), *unserved.operations()]


if __name__ == "__main__":
    PAGE.write_text(page(made_of_the_code()))
