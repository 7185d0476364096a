"""Who asks: keys made by the command line, and requests exactly as they are written."""

import http.client
import json
import subprocess
import urllib.parse
from typing import Any

from tests.e2e.driver import SLUICE, Sluice
from tests.functiongraph.client import Sdk


def command(sluice: Sluice, *words: str) -> Any:
    """What a command of `sluice` answers as JSON."""
    done = subprocess.run(
        [str(SLUICE), *words, "-o", "json", "--data", str(sluice.data)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)


def with_key(sluice: Sluice, key: dict[str, Any]) -> Sdk:
    """The SDK with a key that was just made."""
    return Sdk({**sluice.credentials, **{name: key[name] for name in ("access_key", "secret_key", "project_id")}})


def key_of_role(sluice: Sluice, role: str, *more: str) -> Sdk:
    return with_key(sluice, command(sluice, "keys", "create", "--role", role, *more))


class Answer:
    """A whole answer; `json` and `code` of what it says."""

    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code; "" where there is none."""
        told = self.json if self.status >= 400 else {}
        return self.status, str(told.get("error_code", ""))


class Wire:
    """One kept connection to the gateway. Bytes go out as they are given: nothing is added but Content-Length."""

    def __init__(self, sluice: Sluice) -> None:
        self.address = urllib.parse.urlsplit(sluice.credentials["endpoint"]).netloc
        self._connection = http.client.HTTPConnection(self.address, timeout=60)

    def ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        self._connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": self.address, **(headers or {})}.items():
            self._connection.putheader(name, value)
        if body:
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body or None)
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def signed(self, sdk: Sdk, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return self.ask(method, target, body, self.signature(sdk, method, target, body, headers))

    def signature(self, sdk: Sdk, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, str]:
        """All headers of a request that the SDK's own signer signed."""
        return sdk.sign(method, target, body, {"Content-Type": "application/json", "Host": self.address, **(headers or {})})

    def close(self) -> None:
        self._connection.close()
