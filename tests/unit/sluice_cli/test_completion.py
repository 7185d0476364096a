"""What a shell is told when somebody presses Tab: names from the API, and nothing at all where there is no answer."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sluice_cli.main import run

ANSWERS = {
    "/v2/p/fgs/functions": {"functions": [{"func_name": "orders", "package": "default"}, {"func_name": "other", "package": "shop"}]},
    "/v2/p/fgs/functions/orders/versions": {"versions": [{"version": "latest"}, {"version": "v1"}]},
    "/v2/p/fgs/functions/orders/aliases": [{"name": "live"}],
    "/sluice/v1/p/triggers": {"triggers": [{"trigger_id": "id-1", "name": "tick"}, {"trigger_id": "id-2", "name": ""}]},
}

Completed = Callable[[str, Path], list[str]]


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = ANSWERS.get(self.path.partition("?")[0])
        content = json.dumps(found or {"error_code": "FSS.0404", "error_msg": "?"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    credentials(tmp_path, server.server_address[1])
    yield tmp_path
    server.shutdown()
    serving.join()
    server.server_close()


def credentials(folder: Path, port: int) -> None:
    text = {"endpoint": f"http://127.0.0.1:{port}", "access_key": "a", "secret_key": "s", "project_id": "p"}
    (folder / "credentials.json").write_text(json.dumps(text))


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Completed:
    def told(typed: str, data: Path) -> list[str]:
        monkeypatch.setenv("_SLUICE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", f"sluice {typed}")
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" "))))
        monkeypatch.setenv("SLUICE_DATA", str(data))
        assert run([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.split()

    return told


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("invoke o", ["orders"]),
        ("invoke shop:", ["shop:other"]),
        ("logs ", ["orders", "shop:other"]),
        ("get func", ["functions"]),
        ("delete a", ["aliases"]),
        ("describe function or", ["orders"]),
        ("describe trigger t", ["tick"]),
        ("describe triggers ", ["id-2", "tick"]),
        ("trigger pause t", ["tick"]),
        ("describe version orders ", ["latest", "v1"]),
        ("describe alias orders ", ["live"]),
        ("alias set orders l", ["live"]),
        ("describe alias nothing ", []),
        ("function pub", ["publish"]),
    ],
)
def test_names_are_those_that_the_api_has(completed: Completed, data: Path, typed: str, words: list[str]) -> None:
    assert completed(typed, data) == words


def test_nobody_answering_is_silence(completed: Completed, tmp_path: Path) -> None:
    assert completed("invoke o", tmp_path) == []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        credentials(tmp_path, silent.getsockname()[1])
        began = time.monotonic()
        assert completed("invoke o", tmp_path) == []
        assert time.monotonic() - began < 2
    assert completed("invoke o", tmp_path) == []


def test_completing_imports_nothing_that_draws_or_packs(tmp_path: Path) -> None:
    program = "import sys; from sluice_cli.main import run; run([]); sys.stderr.write(' '.join(sys.modules))"
    environment = {**os.environ, "_SLUICE_COMPLETE": "complete_bash", "COMP_WORDS": "sluice invoke o", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | {"SLUICE_DATA": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert not {"rich.console", "yaml", "structlog", "asyncio"} & set(done.stderr.split())
