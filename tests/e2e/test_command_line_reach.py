"""Every operation of the API is reached by the command that the table names, against a running Sluice; in this process, which is quick."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sluice_cli.client import Client
from sluice_cli.main import run
from tests.commands import LOCAL, REACHES
from tests.e2e.driver import FUNCTIONS, Sluice

FILE = """
functions:
  reached:
    code: {code}
    timeout: 30
    description: reached
    tags: {{team: shop}}
    version: v0
    aliases: {{first: {{version: v0}}}}
    async: {{retries: 0}}
    triggers:
      - {{type: TIMER, name: reached-tick, schedule_type: Rate, schedule: 30d}}
      - {{type: APIG, name: reached-door, path: /reached, auth: NONE, func_info: {{invocation_type: async}}}}
"""

Asked = list[tuple[str, str]]


class Line:
    """Runs command lines. `asked` has method and path of each request of each command by its first words."""

    def __init__(self, sluice: Sluice, capsys: pytest.CaptureFixture[str]) -> None:
        self._sluice = sluice
        self._capsys = capsys
        self._now = ""
        self.asked: dict[str, Asked] = {}

    def __call__(self, command: str, *words: str, code: int = 0) -> str:
        """Its standard output."""
        self._now = command
        done = run([*command.split(), *words, "--data", str(self._sluice.data)])
        out, err = self._capsys.readouterr()
        assert done == code, f"{command} {words}: {out}{err}"
        return out

    def told(self, command: str, *words: str) -> Any:
        return json.loads(self(command, *words, "-o", "json"))

    def note(self, method: str, target: str) -> None:
        self.asked.setdefault(self._now, []).append((method, target.partition("?")[0]))


@pytest.fixture
def line(sluice: Sluice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    typed = Line(sluice, capsys)
    send: Callable[..., Any] = Client._send

    def noted(client: Client, method: str, target: str, *rest: Any, **more: Any) -> Any:
        typed.note(method, target)
        return send(client, method, target, *rest, **more)

    monkeypatch.setattr(Client, "_send", noted)
    yield typed
    structlog.reset_defaults()


def ended(line: Line, event: str) -> dict[str, Any]:
    """The story of an event that has ended."""
    for _ in range(2000):
        story: dict[str, Any] = line.told("explain", event)
        if story["state"] in ("SUCCESS", "FAIL", "DISCARD"):
            return story
    raise AssertionError(story)


def test_every_command_reaches_its_operations(line: Line, sluice: Sluice, tmp_path: Path) -> None:
    file = tmp_path / "sluice.yaml"
    file.write_text(FILE.format(code=FUNCTIONS / "echo"))
    line("apply", "-f", str(file))
    assert {done["how"] for done in line.told("apply", "-f", str(file))} == {"unchanged"}
    line("function publish", "reached", "v1", code=1)
    file.write_text(file.read_text().replace("timeout: 30", "timeout: 32"))
    assert "another name" in line("apply", "-f", str(file))
    assert line("function publish", "reached", "v1").strip().endswith(":reached:v1")
    line("function publish", "reached", "v2", code=1)
    file.write_text(FILE.format(code=FUNCTIONS / "echo").replace("timeout: 30", "timeout: 31"))
    line("apply", "-f", str(file))
    line("function publish", "reached", "v2")
    of_functions(line, tmp_path)
    of_aliases_and_settings(line)
    of_what_belongs_to_a_function(line)
    of_calls(line)
    of_dead_events(line)
    of_triggers(line)
    of_the_project(line)
    of_ends(line)
    assert set(REACHES) - set(line.asked) == {"tail"}  # it never ends
    described = paths(sluice)
    missing = {
        (command, name)
        for command, names in REACHES.items()
        for name in names
        if command != "tail"
        and not any(method == described[name][0] and described[name][1].fullmatch(path) for method, path in line.asked[command])
    }
    assert not missing
    assert not LOCAL & set(line.asked)


def paths(sluice: Sluice) -> dict[str, tuple[str, re.Pattern[str]]]:
    """Method and path of each operation, from the API's own document."""
    document = json.loads(sluice.get("/openapi.json")[1])
    return {
        operation["operationId"]: (method.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def of_functions(line: Line, folder: Path) -> None:
    assert [one["func_name"] for one in line.told("get", "functions", "reached")] == ["reached"]
    line("function limit", "reached", "5")
    line("function disable", "reached")
    line("invoke", "reached", code=1)
    line("function enable", "reached", "--instances", "5")
    assert line.told("describe", "function", "reached")["strategy_config"]["concurrency"] == 5
    package = folder / "code.zip"
    line("function download", "reached", str(package))
    line("function upload", "reached", str(package))
    assert {one["version"] for one in line.told("get", "versions", "reached")} == {"latest", "v0", "v1", "v2"}
    line("export", "reached", str(folder / "reached.zip"))
    line("import", str(folder / "reached.zip"), "--package", "copies")
    line("delete", "function", "copies:reached", "--yes")


def of_aliases_and_settings(line: Line) -> None:
    line("alias set", "reached", "live", "v1", "--weight", "v2=10")
    assert line.told("describe", "alias", "reached", "live")["additional_version_weights"] == {"v2": 10}
    rules = ("--to", "v2", "--rule", "X-Grey=yes", "--rule", "X-City in A,B", "--any")
    strategy = line.told("alias set", "reached", "live", "v1", *rules)["additional_version_strategy"]["v2"]
    assert (strategy["combine_type"], [rule["op"] for rule in strategy["rules"]]) == ("or", ["=", "in"])
    assert {one["name"] for one in line.told("get", "aliases", "reached")} == {"first", "live"}
    line("async set", "reached", "--max-age", "1h", "--on-failure", "bucket=ends,expires=7")
    line("async set", "reached", "--retries", "0")
    shown = line.told("async show", "reached")
    assert (shown["max_async_retry_attempts"], shown["max_async_event_age_in_seconds"]) == (0, 3600)
    assert shown["destination_config"]["on_failure"]["destination"] == "OBS"
    assert "OBS" in line.told("describe", "function", "reached")["warnings"][0]
    line("async set", "reached", "--on-failure", "none")
    assert "warnings" not in line.told("describe", "function", "reached")
    assert len(line.told("async list", "reached")) == 1
    line("async log", "--enable")


def of_what_belongs_to_a_function(line: Line) -> None:
    line("events create", "reached", "morning", "-d", "{}")
    line("events update", "reached", "morning", "-d", '{"a": 1}')
    assert line.told("events list", "reached")
    line("events show", "reached", "morning")
    line("events delete", "reached", "morning", "--yes")
    line("tags set", "reached", "stage=test")
    line("tags remove", "reached", "stage")
    line("tags list", "reached")
    line("tags list")
    assert [one["resource_name"] for one in line.told("tags find", "team=shop")] == ["reached"]
    tactics = {"cron_configs": [{"name": "days", "cron": "0 0 8 * * *", "count": 1, "start_time": 1, "expired_time": 2_000_000_000}]}
    line("reserve set", "reached", "0", "--tactics", json.dumps(tactics))
    assert line.told("reserve list", "reached")[0]["tactics_config"]["cron_configs"]
    line("reserve list", "reached", "--now")
    line("reserve set", "reached", "0")


def of_calls(line: Line) -> None:
    assert json.loads(line("invoke", "reached", "-d", '{"say": 1}')) is not None
    event = line("invoke", "reached", "--async", "-d", "{}").strip()
    ended(line, event)
    assert line.told("invocations", "reached")
    line("invocations", "reached", "--active")
    line("cancel", "reached", event, code=1)
    assert line.told("get", "instances", "reached")
    line("logs", "reached")
    line("logs", "reached", "--names")
    line("stats")
    line("stats", "reached")
    line("stats", "reached", "--of", "instances")
    for of in ("project", "months"):
        line("stats", "--of", of)
    line("stats", "reached", "--of", "months", code=2)


def of_dead_events(line: Line) -> None:
    event = line("invoke", "reached", "--async", "-d", '{"do": "status", "status": 500}').strip()
    assert ended(line, event)["state"] == "FAIL"
    assert [one["id"] for one in line.told("dead list", "--function", "reached")] == [event]
    line("dead show", event)
    line("dead redrive", "--function", "reached", "--dry-run")
    line("dead purge", "--function", "reached", "--yes")


def of_triggers(line: Line) -> None:
    assert len(line.told("get", "triggers", "reached")) == 2
    line("describe", "trigger", "reached-tick")
    line("trigger pause", "reached-tick")
    line("trigger resume", "reached-tick")
    line("trigger dry-run", "reached-tick")
    line("delete", "trigger", "reached-tick", "--yes")
    line("delete", "triggers", "reached", "--all", "--yes")
    assert line.told("get", "triggers", "reached") == []


def of_the_project(line: Line) -> None:
    assert {one["type"] for one in line.told("get", "quotas")} >= {"fgs_func_num"}
    assert "TIMER" in {one["trigger_type_code"] for one in line.told("get", "types")}
    made = line.told("keys create", "--role", "reader", "--ttl", "1h")
    assert made["access_key"] in {key["access_key"] for key in line.told("keys list")}
    line("keys revoke", made["access_key"], "--yes")
    revoked, created = line.told("audit", "--limit", "2")
    assert (revoked["trace_name"], created["trace_name"]) == ("revoke_key", "create_key")
    assert {revoked["resource_id"], created["resource_id"]} == {made["access_key"]}
    line.told("projects create", f"reached-{made['access_key'][-8:]}")
    line("projects list")
    assert len(line.told("projects show")) == 1
    assert len(line("token").strip()) > 20
    line("doctor")


def of_ends(line: Line) -> None:
    line("async delete", "reached", "--yes")
    line("delete", "alias", "reached", "live", "--yes")
    line("delete", "version", "reached", "v1", "--yes")
    line("delete", "function", "reached", "--yes")
