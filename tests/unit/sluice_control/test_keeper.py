"""What the keeper promises whatever happens at once: a serial order, nothing lost over a restart, no secret anywhere."""

import asyncio
import json
import logging
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sluice.catalog import Change, Snapshot
from sluice.clock import SteppedClock
from sluice.errors import AlreadyRunning, ConfigurationError
from sluice.status import Check
from sluice_control.control import Control
from tests.unit.sluice_control.client import Answer, Client, function_body, package
from tests.unit.sluice_control.fakes import KINDS, FakeLogs, FakeRecords
from tests.unit.sluice_control.test_watchers import Follower

FUNCTIONS = "/v2/{p}/fgs/functions"
SECRETS = ("pl41n-kafka-password", "pl41n-variable")


async def test_changes_made_at_once_equal_some_serial_order(control: Control, api: Client) -> None:
    """Fifty clients work on five names. Replaying what watchers saw, one change at a time, must explain every answer."""
    async with Follower(control, "up") as one, Follower(control, "runner", reports=True) as other:
        answers = [answer for part in await asyncio.gather(*(_client(api, seed) for seed in range(50))) for answer in part]
        generations = [change.generation for change in one.seen]
        assert generations == sorted(generations)
        assert [change for change in one.seen if not change.key] == other.seen
        assert _replayed(one.seen) == _stored(control, api.project)
        made = sum(status == 200 for verb, status in answers if verb == "POST")
        gone = sum(status == 204 for verb, status in answers if verb == "DELETE")
        assert made - gone == control.view.count_functions(api.project)
        assert {status for verb, status in answers} <= {200, 204, 404, 409}
        assert control.view.generation() == sum(status in (200, 204) for _, status in answers)


async def _client(api: Client, seed: int) -> list[tuple[str, int]]:
    random, answers = Random(seed), []
    for step in range(6):
        name, verb = f"f{random.randrange(5)}", random.choice(("POST", "PUT", "DELETE"))
        # No two write the same, so that every change that is granted is one.
        answers.append((verb, (await _act(api, verb, name, 3 + seed * 6 + step)).status))
    return answers


async def _act(api: Client, verb: str, name: str, timeout: int) -> Answer:
    if verb == "POST":
        return await api(verb, FUNCTIONS, function_body(name, timeout=timeout))
    if verb == "DELETE":
        return await api(verb, f"{FUNCTIONS}/{name}")
    change = {"func_name": name, "runtime": "Custom Image", "timeout": timeout, "handler": "-", "memory_size": 128}
    return await api(verb, f"{FUNCTIONS}/{name}/config", change)


def _replayed(changes: list[Change]) -> dict[str, tuple[float, int]]:
    snapshot = Snapshot()
    for change in changes:
        snapshot.apply(change)
    return {urn: (function.timeout_s, function.generation) for urn, function in snapshot.functions.items()}


def _stored(control: Control, project: str) -> dict[str, tuple[float, int]]:
    rows = control.view.list_functions(project, "", "", 0, 100)
    return {str(row.function.urn("local-1", "latest")): (row.settings.timeout or 0, row.generation) for row in rows}


async def _everything(control: Control) -> Snapshot:
    snapshot = Snapshot()
    async for change in control.watch("up", frozenset()):
        snapshot.apply(change)
        if change.synced:
            break
    return snapshot


async def _no_checks() -> list[Check]:
    return []


async def _filled(api: Client) -> list[Answer]:
    """Something of everything; the answers it got."""
    secret = {"kafka_connect_address": "b:1", "topic_ids": ["t"], "kafka_user": "u", "kafka_password": SECRETS[0]}
    calls: list[tuple[str, str, Any]] = [
        ("POST", FUNCTIONS, function_body(encrypted_user_data=json.dumps({"TOKEN": SECRETS[1]}))),
        ("POST", f"{FUNCTIONS}/hello/versions", {"version": "v1"}),
        ("POST", f"{FUNCTIONS}/hello/aliases", {"name": "live", "version": "v1"}),
        ("PUT", f"{FUNCTIONS}/hello/async-invoke-config", {"max_async_retry_attempts": 3}),
        ("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "KAFKA", "event_data": secret}),
        ("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "KAFKA", "event_data": secret | {"colour": SECRETS[0]}}),
        ("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "KAFKA", "event_data": secret | {"batch_size": 0}}),
        ("PUT", f"{FUNCTIONS}/hello/code", {"code_type": "zip", "func_code": {"file": package(text="#!/bin/sh\n#2\n")}}),
        ("GET", f"{FUNCTIONS}/hello/config", None),
        ("GET", f"{FUNCTIONS}/hello/versions", None),
        ("GET", FUNCTIONS, None),
        ("GET", "/v2/{p}/fgs/triggers/hello", None),
        ("GET", "/sluice/v1/{p}/triggers", None),
        ("GET", "/sluice/v1/{p}/keys", None),
    ]
    return [await api(*call) for call in calls]


async def test_a_restart_keeps_everything(tmp_path: Path, clock: SteppedClock, records: FakeRecords, logs: FakeLogs) -> None:
    async with Control(tmp_path, KINDS, clock) as control:
        key, project = await control.bootstrap_credentials(), control.project
        await _filled(Client(control.api(records, logs, _no_checks), project))
        before = await _everything(control)
    async with Control(tmp_path, KINDS, clock) as control:
        assert (await control.bootstrap_credentials(), control.project) == (key, project)
        after = await _everything(control)
        package_of = after.functions[f"urn:fss:local-1:{project}:function:default:hello:v1"].code
        assert [chunk async for chunk in control.code(package_of)]
    assert (before.functions, before.bindings, before.aliases, before.keys) == (after.functions, after.bindings, after.aliases, after.keys)
    assert (len(after.functions), len(after.bindings), len(after.aliases), after.generation) == (2, 1, 1, before.generation)


async def test_no_secret_is_in_an_answer_a_log_or_a_file(
    tmp_path: Path,
    clock: SteppedClock,
    records: FakeRecords,
    logs: FakeLogs,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Control(tmp_path, KINDS, clock) as control:
        key = await control.bootstrap_credentials()
        answers = await _filled(Client(control.api(records, logs, _no_checks), control.project))
        while_open = _bytes_of(tmp_path)
        snapshot = await _everything(control)
    clear = [next(iter(snapshot.bindings.values())).settings, *(str(one.secrets).encode() for one in snapshot.functions.values())]
    assert SECRETS[0].encode() in clear[0]
    assert all(SECRETS[1].encode() in one for one in clear[1:])
    said = caplog.text + "".join(capfd.readouterr())
    for secret in (*SECRETS, key.secret_key):
        assert secret not in said
        assert secret.encode() not in while_open + _bytes_of(tmp_path)
        assert not any(secret.encode() in answer.body for answer in answers)


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_a_second_control_on_the_same_data_says_who_holds_it(tmp_path: Path, control: Control, clock: SteppedClock) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        async with Control(tmp_path, KINDS, clock):
            pass
    assert await control.create_key(control.project, "reader", "")


async def test_a_start_that_failed_leaves_nothing_held(tmp_path: Path, clock: SteppedClock) -> None:
    async with Control(tmp_path, KINDS, clock) as control:
        await control.bootstrap_credentials()
    key = tmp_path / "control" / "key"
    saved = key.read_bytes()
    key.unlink()
    with pytest.raises(ConfigurationError, match="is gone"):
        async with Control(tmp_path, KINDS, clock):
            pass
    key.touch(0o600)
    key.write_bytes(saved)
    async with Control(tmp_path, KINDS, clock) as control:
        assert (await control.bootstrap_credentials()).role == "admin"
