"""The client against a server of the standard library that checks signatures as the gateway does."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sluice.errors import ConfigurationError
from sluice.signature import SignatureRefused, SignedRequest, verify
from sluice_cli.client import Client, Refused, Unreachable, path
from sluice_cli.credentials import Credentials


class Api(BaseHTTPRequestHandler):
    """Answers who signed and what was asked; /refuse says no, /lines streams, /hang-up breaks the connection off once."""

    protocol_version = "HTTP/1.1"
    connections = 0
    hang_ups = 0

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_GET(self) -> None:
        if self.path == "/hang-up" and not type(self).hang_ups:
            type(self).hang_ups += 1
            self.close_connection = True
            return
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

    def _answer(self, body: bytes) -> None:
        target, _, query = self.path.partition("?")
        lines = tuple((name.encode(), value.encode()) for name, value in self.headers.items())
        request = SignedRequest(self.command, target.encode(), query.encode(), lines, body)
        try:
            signed = verify(request, {"AK": "SK"}.get, now=time.time())
        except SignatureRefused as refused:
            self._send(401, {"error_code": "FSS.0401", "error_msg": str(refused)})
            return
        if target == "/refuse":
            self._send(404, {"error_code": "FSS.1051", "error_msg": "The function does not exist."})
        elif target == "/garbage":
            self._send(500, "<html>")
        elif target == "/lines":
            self._send_text(200, b'{"n": 1}\n{"n": 2}\n')
        elif self.command == "DELETE":
            self._send_text(204, b"")
        else:
            token = signed.headers.get(b"x-security-token", b"").decode()
            self._send(200, {"key": signed.access_key + token, "method": self.command, "path": self.path, "body": body.decode()})

    def _send(self, status: int, told: object) -> None:
        self._send_text(status, json.dumps(told).encode())

    def _send_text(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is http.server's
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    Api.connections = Api.hang_ups = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(endpoint: str) -> Iterator[Client]:
    found = Client(Credentials(endpoint, "AK", "SK", "p1"))
    yield found
    found.close()


def test_requests_are_signed_whatever_is_in_path_query_and_body(client: Client) -> None:
    place = path("/v2/p1/fgs", "functions", "urn:fss:l:p:function:default:hello:!a b/ü")
    assert client.get(place, func_name="a b&c=ü", marker=0)["key"] == "AK"
    assert client.post("/x", {"k": "ü"})["body"] == '{"k": "\\u00fc"}'
    assert client.put("/x", {})["method"] == "PUT"
    client.delete("/x")


def test_what_was_not_said_is_not_asked(client: Client) -> None:
    assert client.get("/x", function="", after=None, follow=False, limit=0, body=True)["path"] == "/x?limit=0&body=true"


def test_one_connection_is_kept_open(client: Client) -> None:
    for _ in range(3):
        client.get("/x")
    assert Api.connections == 1


def test_a_connection_closed_between_requests_is_opened_again(client: Client) -> None:
    client.get("/x")
    assert client.get("/hang-up")["path"] == "/hang-up"


def test_a_refusal_has_its_status_code_and_words(client: Client) -> None:
    with pytest.raises(Refused, match="does not exist") as refused:
        client.get("/refuse")
    assert (refused.value.status, refused.value.code) == (404, "FSS.1051")


def test_an_answer_that_is_not_ours_is_still_a_refusal(client: Client) -> None:
    with pytest.raises(Refused, match="500"):
        client.get("/garbage")


def test_a_wrong_secret_is_refused(endpoint: str) -> None:
    with closing(Client(Credentials(endpoint, "AK", "wrong", "p1"))) as client, pytest.raises(Refused, match=r"FSS\.0401"):
        client.get("/x")


def test_lines_come_one_by_one(client: Client) -> None:
    assert list(client.lines("/lines")) == [{"n": 1}, {"n": 2}]


def test_a_stream_that_is_refused_says_so(client: Client) -> None:
    with pytest.raises(Refused, match="does not exist"):
        list(client.lines("/refuse"))


def test_nobody_there_is_unreachable_and_says_what_to_do() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match="sluice up"):
        Client(Credentials(f"http://127.0.0.1:{port}", "AK", "SK", "p1")).get("/x")


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:8090", "ftp://x", "http://", "http://x:port"])
def test_an_endpoint_that_is_no_url_is_named(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint"):
        Client(Credentials(endpoint, "AK", "SK", "p1"))


def test_a_temporary_key_signs_its_security_token_too(endpoint: str) -> None:
    with closing(Client(Credentials(endpoint, "AK", "SK", "p1", "+token"))) as client:
        assert client.get("/x")["key"] == "AK+token"
