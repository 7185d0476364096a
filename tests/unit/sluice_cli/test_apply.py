"""Applying a file, against an API in memory that keeps what it is sent."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from sluice.errors import Invalid
from sluice_cli.apply import apply
from sluice_cli.client import Client, Refused
from sluice_cli.done import Done
from sluice_cli.manifest import read
from sluice_cli.package import pack

PREFIX = "urn:fss:l:p1:function:default:"


class FakeApi(Client):
    """Functions, asynchronous settings and triggers in dictionaries; `changes` are the writes in order."""

    def __init__(self) -> None:
        self.project = "p1"
        self.functions: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.triggers: dict[str, list[dict[str, Any]]] = {}
        self.changes: list[str] = []

    def get(self, path: str, **query: object) -> Any:
        match _parts(path):
            case ["functions", name, "config"]:
                return _there(self.functions, name)
            case ["functions", name, "async-invoke-config"]:
                return _there(self.configs, name)
            case ["triggers", name]:
                return self.triggers.get(_name(name), [])
        raise AssertionError(path)

    def post(self, path: str, body: Any, **query: object) -> Any:
        self.changes.append(f"POST {'/'.join(_parts(path)).replace(PREFIX, '')}")
        match _parts(path):
            case ["functions"]:
                package = base64.b64decode(body["func_code"]["file"])
                made = {**body, "func_urn": f"{PREFIX}{body['func_name']}:latest", "digest": hashlib.sha512(package).hexdigest()}
                self.functions[body["func_name"]] = made
                return made
            case ["triggers", name]:
                trigger = {**body, "trigger_id": f"t{len(self.changes)}"}
                self.triggers.setdefault(_name(name), []).append(trigger)
                return trigger
        raise AssertionError(path)

    def put(self, path: str, body: Any) -> Any:
        self.changes.append(f"PUT {'/'.join(_parts(path)).replace(PREFIX, '')}")
        match _parts(path):
            case ["functions", name, "config"]:
                self.functions[_name(name)] |= body
            case ["functions", name, "async-invoke-config"]:
                self.configs[_name(name)] = body
            case ["triggers", name, _, number]:
                next(trigger for trigger in self.triggers[_name(name)] if trigger["trigger_id"] == number).update(body)

    def delete(self, path: str, **query: object) -> None:
        self.changes.append(f"DELETE {'/'.join(_parts(path)).replace(PREFIX, '')}")
        del self.configs[_name(_parts(path)[1])]


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.removeprefix("/v2/p1/fgs/").split("/")]


def _name(urn: str) -> str:
    return urn.removeprefix(PREFIX).removeprefix("default:")


def _there(found: Mapping[str, Any], name: str) -> Any:
    if _name(name) not in found:
        raise Refused(404, "FSS.1051", "The function does not exist.")
    return found[_name(name)]


FILE: dict[str, Any] = {
    "orders": {
        "code": "./code",
        "async": {"retries": 2, "on_failure": {"function": "alarm"}},
        "triggers": [{"type": "TIMER", "name": "t", "schedule_type": "Rate", "schedule": "3m"}],
    },
    "alarm": {"code": "./code"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "code" / "bootstrap").chmod(0o755)
    return tmp_path


def applied(api: FakeApi, folder: Path, functions: dict[str, Any]) -> list[str]:
    """What was told; the writes are in `api.changes`."""
    (folder / "sluice.yaml").write_text(yaml.safe_dump({"functions": functions}, sort_keys=False))
    told: list[Done] = []
    api.changes.clear()
    apply(api, read(folder / "sluice.yaml"), told.append)
    return [f"{done.what} {done.name} {done.how}" for done in told]


def test_functions_come_before_what_refers_to_them(folder: Path) -> None:
    api = FakeApi()
    told = applied(api, folder, FILE)
    assert told == ["function orders created", "function alarm created", "async orders created", "trigger orders/t created"]
    assert api.changes == ["POST functions", "POST functions", "PUT functions/orders/async-invoke-config", "POST triggers/orders"]
    assert api.triggers["orders"][0]["trigger_status"] == "ACTIVE"
    assert f"{PREFIX}alarm" in str(api.configs["orders"])


def test_applying_again_writes_nothing(folder: Path) -> None:
    api = FakeApi()
    applied(api, folder, FILE)
    told = applied(api, folder, FILE)
    assert {line.rpartition(" ")[2] for line in told} == {"unchanged"}
    assert api.changes == []


def test_only_what_changed_is_written(folder: Path) -> None:
    api = FakeApi()
    applied(api, folder, FILE)
    (folder / "code" / "bootstrap").write_text("#!/bin/sh\nexit 1\n")
    changed = {**FILE, "orders": {**FILE["orders"], "memory": 256, "triggers": [{**FILE["orders"]["triggers"][0], "schedule": "4m"}]}}
    told = applied(api, folder, changed)
    number = api.triggers["orders"][0]["trigger_id"]
    assert api.changes == [
        "PUT functions/orders/config",
        "PUT functions/orders/code",
        "PUT functions/alarm/code",
        f"PUT triggers/orders/TIMER/{number}",
    ]
    assert told[:2] == ["function orders updated", "function alarm updated"]


def test_nothing_is_deleted_but_settings_the_file_no_longer_has(folder: Path) -> None:
    api = FakeApi()
    applied(api, folder, FILE)
    told = applied(api, folder, {"orders": {"code": "./code"}})
    assert told == ["function orders unchanged", "async orders removed"]
    assert set(api.functions) == {"orders", "alarm"}
    assert len(api.triggers["orders"]) == 1


def test_a_bad_package_is_refused_before_anything_changes(folder: Path) -> None:
    api = FakeApi()
    (folder / "code" / "link").symlink_to("/etc")
    with pytest.raises(Invalid, match="symbolic link"):
        applied(api, folder, FILE)
    assert api.changes == []


def test_the_digest_is_that_of_the_package(folder: Path) -> None:
    api = FakeApi()
    applied(api, folder, FILE)
    assert api.functions["orders"]["digest"] == hashlib.sha512(pack(folder / "code")).hexdigest()
