"""Imports go down the floors of the house, in the real tree; and each rule is shown to bite on a tree that breaks it."""

from pathlib import Path

import pytest

from tests.house.imports import faults

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """
[project]
dependencies = ["apsw", "msgspec", "structlog"]
[project.optional-dependencies]
kafka = ["aiokafka>=0.12"]
"""


def tree(root: Path, **files: str) -> Path:
    """A small house: keys are paths with `__` for `/`, values are sources."""
    (root / "pyproject.toml").write_text(PYPROJECT)
    for name, source in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


def test_imports_in_this_house_go_down_only() -> None:
    assert faults(ROOT) == []


def test_a_tree_in_order_has_no_faults(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        libs__sluice__event="import json\nimport msgspec",
        libs__sluice__trigger="from sluice.event import Event",
        libs__sluice__host__loop="import structlog\nfrom sluice import trigger\nfrom .state import State",
        libs__sluice__host__state="",
        services__sluice_kafka__trigger="import aiokafka\nfrom sluice.trigger import Trigger",
        services__sluice_dispatcher__ledger_sqlite="import apsw",
        services__sluice_cli__up="import sluice_kafka.trigger",
    )
    assert faults(root) == []


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("services__sluice_timer__trigger", "import sluice_kafka.trigger", "imports the service sluice_kafka"),
        ("services__sluice_cli__main", "from sluice_kafka import trigger", "imports the service sluice_kafka"),
        ("libs__sluice__host__loop", "from sluice_kafka import trigger", "imports the service sluice_kafka"),
        ("libs__sluice__event", "from sluice.trigger import Trigger", "sluice.event (nouns) imports sluice.trigger (contracts)"),
        ("libs__sluice__trigger", "def f():\n    from sluice.wire import codec", "imports sluice.wire.codec (wire)"),
        ("libs__sluice__wire__links", "from sluice.host.loop import run", "imports sluice.host.loop (host)"),
        ("libs__sluice__wire__links", "from ..host import loop", "imports sluice.host.loop (host)"),
        ("libs__sluice__event", "import structlog", "sluice.event (nouns) imports structlog"),
        ("libs__sluice__misc", "", "sluice.misc has no floor"),
        ("libs__sluice__host__loop", "import sluice.nowhere", "imports sluice.nowhere, which does not exist"),
        ("services__sluice_timer__trigger", "import aiokafka", "imports aiokafka, which neither the core nor its extra"),
        ("services__sluice_timer__trigger", "import apsw", "imports apsw, the driver of sluice_control, sluice_dispatcher"),
        ("libs__sluice__host__loop", "import aiokafka", "imports aiokafka, which neither the core nor its extra"),
        ("services__sluice_kafka__trigger", "import sluice_kafka.shape", "sluice_kafka.shape -> sluice_kafka.trigger is a cycle"),
    ],
)
def test_a_wrong_import_is_named(tmp_path: Path, path: str, source: str, fault: str) -> None:
    files = {
        "libs__sluice__trigger": "",
        "libs__sluice__wire__codec": "",
        "libs__sluice__host__loop": "",
        "services__sluice_kafka__trigger": "",
        "services__sluice_kafka__shape": "def f():\n    import sluice_kafka.trigger",
    }
    found = faults(tree(tmp_path, **(files | {path: source})))
    assert len(found) == 1
    assert fault in found[0]
