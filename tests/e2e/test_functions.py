"""Functions that misbehave, each with a named end; the others go on."""

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import Sluice, Witness


def invoke(sluice: Sluice, urn: str, content: Any, *, asynchronously: bool = False) -> tuple[int, dict[str, Any]]:
    path = f"/v2/{sluice.project}/fgs/functions/{urn}/invocations" + ("-async" if asynchronously else "")
    status, body = sluice.send("POST", path, json.dumps(content).encode(), headers={"X-CFF-Request-Version": "v1"})
    return status, json.loads(body)


def until_state(sluice: Sluice, event: str, state: str, within_s: float = 30.0) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while True:
        story: dict[str, Any] = sluice.ours(f"/events/{event}")
        if story["state"] == state:
            return story
        assert time.monotonic() < deadline, story
        time.sleep(0.02)


def a_function(sluice: Sluice, folder: Path, source: str, **settings: Any) -> str:
    """A function whose bootstrap is this Python source."""
    folder.mkdir()
    bootstrap = folder / "bootstrap"
    bootstrap.write_text("#!/usr/bin/env python3\n" + source)
    bootstrap.chmod(0o755)
    return sluice.function(f"odd-{secrets.token_hex(4)}", folder, **settings)


SERVER = """
import os, socket
listener = socket.create_server(("0.0.0.0", int(os.environ.get("PORT", "8000"))))
def read(connection):
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\\r\\n\\r\\n")
    length = next((int(l.split(b":")[1]) for l in head.split(b"\\r\\n") if l.lower().startswith(b"content-length")), 0)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head, rest
while True:
    connection, _ = listener.accept()
    head, body = read(connection)
    %s
    connection.close()
"""


def answering(statement: str) -> str:
    return SERVER % statement


@pytest.mark.parametrize(
    ("statement", "failure"),
    [
        ("os._exit(3)", "crashed"),
        ("pass", "crashed"),
        ("connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nhalf')", "crashed"),
        ("connection.sendall(b'this is no HTTP\\r\\n\\r\\n')", "bad_answer"),
        ("import time; time.sleep(60)", "timeout"),
        (
            "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 1000000000\\r\\n\\r\\n' + b'x' * 7000000)",
            "answer_too_large",
        ),
        (
            "connection.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n'); [connection.sendall(b'x' * 1000000) for _ in range(1000)]",
            "answer_too_large",
        ),
        ("connection.sendall(b'HTTP/1.1 500 No\\r\\nContent-Length: 0\\r\\n\\r\\n')", "function_error"),
    ],
)
def test_a_call_that_goes_wrong_has_a_named_end_and_the_next_one_is_served(
    sluice: Sluice, tmp_path: Path, statement: str, failure: str
) -> None:
    wrong = f"if b'bad' in body:\n        {statement}\n    else:\n        "
    good = "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\ngood')"
    urn = a_function(sluice, tmp_path / "code", answering(wrong + good), timeout=3)
    status, accepted = invoke(sluice, urn, {"what": "bad"}, asynchronously=True)
    assert status == 202
    story = until_state(sluice, accepted["request_id"], "FAIL")
    assert any(failure in step["detail"] for step in story["steps"]), story
    status, answer = invoke(sluice, urn, {"what": "fine"})
    assert (status, answer["result"]) == (200, "good")


def test_a_function_that_cannot_start_says_why_and_its_events_wait(sluice: Sluice, tmp_path: Path) -> None:
    urn = a_function(sluice, tmp_path / "code", "raise SystemExit(7)\n")
    _, accepted = invoke(sluice, urn, {}, asynchronously=True)
    status, answer = invoke(sluice, urn, {})
    assert status >= 500
    assert "exit code 7" in json.dumps(answer)
    assert sluice.ours(f"/events/{accepted['request_id']}")["state"] in ("WAIT", "RUNNING")


def test_an_init_that_fails_is_named(sluice: Sluice, tmp_path: Path) -> None:
    failing = "connection.sendall(b'HTTP/1.1 500 No\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')"
    settings: dict[str, Any] = {"initializer_handler": "init.handler", "initializer_timeout": 5}
    urn = a_function(sluice, tmp_path / "code", answering(failing), **settings)
    status, answer = invoke(sluice, urn, {})
    assert status >= 500 or "init" in json.dumps(answer)
    assert "init" in json.dumps(answer).lower()


def test_retries_follow_the_configuration_and_the_dead_can_be_run_again(
    sluice: Sluice, witness: Witness, make_function: Callable[..., str]
) -> None:
    urn = make_function()
    sluice.api(
        "PUT",
        f"/fgs/functions/{urn}:latest/async-invoke-config",
        {"max_async_retry_attempts": 1, "max_async_event_age_in_seconds": 600},
    )
    _, accepted = invoke(sluice, urn, {"please": "fail"}, asynchronously=True)
    story = until_state(sluice, accepted["request_id"], "FAIL")
    assert [(event, attempt) for event, attempt, _ in witness.calls()] == [
        (accepted["request_id"], "1"),
        (accepted["request_id"], "2"),
    ]
    assert story["steps"]
    (dead,) = [row for row in sluice.ours("/dead")["dead"] if row["id"] == accepted["request_id"]]
    assert dead["failure"] == "function_error"
    which = json.dumps({"function": urn}).encode()
    status, body = sluice.send("POST", f"/sluice/v1/{sluice.project}/dead/redrive", which)
    assert status == 200
    (again,) = json.loads(body)["events"]
    until_state(sluice, again, "FAIL")
    assert {event for event, _, _ in witness.calls()} == {accepted["request_id"], again}


def test_data_is_hidden_from_functions_where_doctor_says_so(sluice: Sluice, tmp_path: Path) -> None:
    checks = {check["name"]: check for check in sluice.ours("/doctor")["checks"]}
    hidden = checks["data hidden from functions"]["ok"] if "data hidden from functions" in checks else os.geteuid() == 0
    if not hidden:
        pytest.skip("this isolation does not hide it")
    look = f"""
    try:
        found = os.listdir({str(sluice.data)!r})
        text = repr(found).encode() if found else b"hidden"
    except OSError as error:
        text = b"hidden"
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(text), text))
"""
    urn = a_function(sluice, tmp_path / "code", answering(look.strip()))
    status, answer = invoke(sluice, urn, {})
    assert (status, answer["result"]) == (200, "hidden")


def test_a_second_sluice_on_the_same_data_says_who_holds_it(sluice: Sluice) -> None:
    other = Sluice(sluice.data, mesh=sluice.mesh)
    credentials = (sluice.data / "credentials.json").read_bytes()
    with pytest.raises(AssertionError, match=r"pid|process"):
        other.start()
    (sluice.data / "credentials.json").write_bytes(credentials)
    assert other.process is not None
    assert other.process.returncode not in (0, None)
    assert sluice.get("/readyz")[0] == 200
