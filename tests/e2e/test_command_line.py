"""The command line against a running Sluice: what the README's tour does, and what comes after it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import SLUICE, Sluice

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WITHIN_S = 60.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(sluice: Sluice) -> Run:
    """Runs a command against the running Sluice; `code` is the exit code it must have."""

    def one(*words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [str(SLUICE), *words, "--data", str(sluice.data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done

    return one


def told(run: Run, *words: str) -> Any:
    return json.loads(run(*words, "-o", "json").stdout)


def until(run: Run, event: str, state: str) -> dict[str, Any]:
    """The story of an event that has ended so; each look is a whole process, which is pause enough."""
    for _ in range(40):
        story: dict[str, Any] = told(run, "explain", event)
        if story["state"] == state:
            return story
    raise AssertionError(story)


def ready(run: Run, function: str, number: int) -> None:
    """Returns once so many instances are ready."""
    for _ in range(40):
        states = [instance["state"] for instance in told(run, "describe", "function", function)["instances"]]
        if states == ["ready"] * number:
            return
    raise AssertionError(states)


def test_a_file_is_applied_called_watched_and_taken_back(run: Run) -> None:
    file = str(EXAMPLES / "hello/sluice.yaml")
    assert [done["how"] for done in told(run, "apply", "-f", file)] == ["created"] * 3
    assert [done["how"] for done in told(run, "apply", "-f", file)] == ["unchanged"] * 3
    assert json.loads(run("invoke", "hello", "-d", '{"name": "you"}').stdout) == {"message": "hello you"}
    event = run("invoke", "hello", "--async", "-d", '{"name": "later"}').stdout.strip()
    until(run, event, "SUCCESS")
    assert f'{event} {{"name": "later"}}' in run("logs", "hello").stdout
    run("trigger", "pause", "tick")
    states = {trigger["name"]: trigger["status"] for trigger in told(run, "get", "triggers", "hello")}
    assert states == {"tick": "DISABLED", "hello": "ACTIVE"}
    run("trigger", "resume", "tick")
    tried = told(run, "trigger", "dry-run", "tick")
    assert (tried["matches"], tried["event"]["trigger_name"], tried["status"]) == (True, "tick", "ACTIVE")
    assert '"trigger_name": "tick"' in run("trigger", "dry-run", "tick").stdout
    assert told(run, "describe", "trigger", "tick")["event_data"]["schedule"] == "@every 10s"
    assert all(check["ok"] for check in told(run, "doctor"))
    run("delete", "function", "hello", code=2)
    run("delete", "function", "hello", "--yes")
    assert told(run, "get", "functions") == []
    refused = run("invoke", "hello", code=1).stderr
    assert "FSS.1051" in refused
    assert "what to do: `sluice get functions`" in refused


def test_a_test_event_is_sent_and_a_copy_kept_ready(run: Run, tmp_path: Path) -> None:
    run("apply", "-f", str(EXAMPLES / "hello/sluice.yaml"))
    run("events", "create", "hello", "morning", "-d", '{"name": "evening"}')
    assert json.loads(run("invoke", "hello", "--event", "morning").stdout) == {"message": "hello evening"}
    file = str(tmp_path / "hello.zip")
    run("export", "hello", file)
    assert "function:copies:hello:latest" in run("import", file, "--package", "copies").stdout
    run("reserve", "set", "copies:hello", "1")
    ready(run, "copies:hello", 1)
    assert json.loads(run("invoke", "copies:hello", "-d", '{"name": "copy"}').stdout) == {"message": "hello copy"}


def test_invocations_are_listed_and_counted(run: Run) -> None:
    run("apply", "-f", str(EXAMPLES / "hello/sluice.yaml"))
    request = run("invoke", "hello", "--async", "-d", "{}").stdout.strip()
    until(run, request, "SUCCESS")
    (shown,) = told(run, "invocations", "hello", "--state", "success", "--limit", "1")
    assert shown["status"] == "SUCCESS"
    assert told(run, "invocations", "hello", "--state", "fail") == []
    assert sum(point["value"] for point in told(run, "stats", "hello")["count"] if point["value"] > 0) >= 1


def test_an_event_that_failed_is_kept_redriven_and_purged(run: Run, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    source = (EXAMPLES / "orders/orders/bootstrap").read_text()
    (code / "bootstrap").write_text(source)
    (code / "bootstrap").chmod(0o755)
    (tmp_path / "sluice.yaml").write_text("functions: {orders: {code: ./code, timeout: 10, async: {retries: 0}}}")
    run("apply", "-f", str(tmp_path / "sluice.yaml"))
    event = run("invoke", "orders", "--async", "-d", '{"records": [{"messages": ["{not json"]}]}').stdout.strip()
    until(run, event, "FAIL")
    assert [letter["id"] for letter in told(run, "dead", "list", "--failure", "function_error")] == [event]
    assert "{not json" in run("dead", "show", event).stdout
    run("dead", "redrive", code=2)
    assert told(run, "dead", "redrive", "--dry-run")["count"] == 1
    again = told(run, "dead", "redrive", "--yes")["events"]
    until(run, again[0], "FAIL")
    assert len(told(run, "dead", "list")) == 2
    assert "2 events" in run("dead", "purge", "--yes").stdout
    assert told(run, "dead", "list") == []
    run("invoke", "orders", "-d", '{"records": [{"messages": ["{not json"]}]}', code=1)
