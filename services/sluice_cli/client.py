"""The API as the command line sees it: signed requests over one connection that is kept open."""

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from sluice.errors import ConfigurationError, SluiceError
from sluice.signature import sign
from sluice_cli.credentials import Credentials

TIMEOUT_S = 910.0
"""Longer than the longest synchronous invocation (900 s)."""
CONNECT_S = 5.0
USER_AGENT = "sluice-cli"


class Refused(SluiceError):
    """The API answered and said no, or failed. `status` is HTTP's, `code` FunctionGraph's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.code = code


class Unreachable(SluiceError):
    """Nobody answered."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Client:
    """`get`, `post`, `put` and `delete` answer with decoded JSON and raise Refused or Unreachable. Paths are escaped; see `path`."""

    def __init__(self, credentials: Credentials, *, connect_s: float = CONNECT_S, wait_s: float = TIMEOUT_S) -> None:
        self.project = credentials.project_id
        self._credentials = credentials
        self._host = _host(credentials.endpoint)
        self._connection = _connection(credentials.endpoint, connect_s)
        self._wait_s = wait_s

    def get(self, path: str, **query: object) -> Any:
        return self.request("GET", path, query).json()

    def post(self, path: str, body: object, **query: object) -> Any:
        return self.request("POST", path, query, json.dumps(body).encode()).json()

    def put(self, path: str, body: object) -> Any:
        return self.request("PUT", path, {}, json.dumps(body).encode()).json()

    def send(self, method: str, path: str, body: object) -> Any:
        """A body with a method that usually has none."""
        return self.request(method, path, {}, json.dumps(body).encode()).json()

    def delete(self, path: str, **query: object) -> None:
        self.request("DELETE", path, query)

    def request(
        self, method: str, path: str, query: Mapping[str, object], body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One exchange, whole."""
        response = self._send(method, _target(path, query), body, headers or {}, self._wait_s)
        try:
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"{self._credentials.endpoint} broke off its answer: {error}") from error
        if answer.status >= 400:
            raise _refusal(answer)
        return answer

    def lines(self, path: str, **query: object) -> Iterator[Any]:
        """The decoded lines of an NDJSON answer, each as soon as it comes."""
        # What is followed may be silent for as long as it likes.
        response = self._send("GET", _target(path, query), b"", {}, wait_s=None)
        if response.status >= 400:
            raise _refusal(Answer(response.status, {}, response.read()))
        try:
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._credentials.endpoint} broke off its answer: {error}") from error
        finally:
            self._connection.close()

    def login(self) -> dict[str, Any]:
        """The body that asks for a token with this client's key."""
        pair = {"access": {"key": self._credentials.access_key}, "secret": {"key": self._credentials.secret_key}}
        return {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}

    def close(self) -> None:
        self._connection.close()

    def _send(self, method: str, target: str, body: bytes, headers: Mapping[str, str], wait_s: float | None) -> http.client.HTTPResponse:
        kept_open = self._connection.sock is not None
        try:
            return self._exchange(method, target, body, self._signed(method, target, body, headers), wait_s)
        except (ConnectionError, http.client.RemoteDisconnected) as error:
            self._connection.close()
            if not (kept_open and method == "GET"):
                raise self._unreachable(error) from error
        except OSError as error:
            self._connection.close()
            raise self._unreachable(error) from error
        # The server closed a connection it had kept for us; reading again changes nothing there.
        with suppress(OSError):
            return self._exchange(method, target, body, self._signed(method, target, body, headers), wait_s)
        raise Unreachable(f"nobody answers at {self._credentials.endpoint}")

    def _exchange(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], wait_s: float | None
    ) -> http.client.HTTPResponse:
        if self._connection.sock is None:
            self._connection.connect()
        self._connection.sock.settimeout(wait_s)
        self._connection.request(method, target, body or None, dict(headers))
        return self._connection.getresponse()

    def _signed(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        about = {"Host": self._host, "Content-Type": "application/json", "User-Agent": USER_AGENT}
        plain = {**about, "X-Sluice-Nonce": secrets.token_urlsafe(16), **headers}
        if self._credentials.security_token:
            plain["X-Security-Token"] = self._credentials.security_token
        return plain | sign(self._credentials.access_key, self._credentials.secret_key, method, target, plain, body, now=time.time())

    def _unreachable(self, error: OSError | http.client.HTTPException) -> Unreachable:
        return Unreachable(f"nobody answers at {self._credentials.endpoint} ({error}). Is `sluice up` running?")


def optional(ask: Callable[[], Any]) -> Any:
    """The answer, or None when what was asked for does not exist."""
    try:
        return ask()
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


def path(*parts: str) -> str:
    """A path of these parts, each escaped; the first is taken as it is."""
    return "/".join((parts[0], *(quote(part, safe="") for part in parts[1:])))


def _target(path: str, query: Mapping[str, object]) -> str:
    said = {name: _text(value) for name, value in query.items() if not (value is None or value is False or value == "")}
    return f"{path}?{urlencode(said)}" if said else path


def _text(value: object) -> str:
    return "true" if value is True else str(value)


def _refusal(answer: Answer) -> Refused:
    try:
        told = json.loads(answer.body)
        return Refused(answer.status, str(told["error_code"]), str(told["error_msg"]))
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status, "", f"the API answered {answer.status} {answer.body[:200]!r}")


def _connection(endpoint: str, connect_s: float) -> http.client.HTTPConnection:
    url = urlsplit(endpoint)
    try:
        port = url.port
    except ValueError:
        port = -1
    if url.scheme not in ("http", "https") or not url.hostname or port == -1:
        raise ConfigurationError(f"endpoint {endpoint[:80]!r} is not http://HOST:PORT or https://HOST:PORT")
    if url.scheme == "https":
        return http.client.HTTPSConnection(url.hostname, port, timeout=connect_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(url.hostname, port, timeout=connect_s)


def _host(endpoint: str) -> str:
    return urlsplit(endpoint).netloc.rpartition("@")[2]
