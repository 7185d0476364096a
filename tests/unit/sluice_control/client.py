"""Calls an ASGI app as the gateway does: with an identity in the scope, and no network."""

import asyncio
import base64
import io
import json
import zipfile
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope

from sluice.identity import Identity


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json["error_code"]

    @property
    def message(self) -> str:
        return str(self.json["error_msg"])


class Client:
    """`{p}` in a path stands for the project."""

    def __init__(self, app: ASGIApp, project: str, role: str = "admin") -> None:
        self._app = app
        self.project = project
        self._identity = Identity(project, "SLTEST", role)

    def as_role(self, role: str) -> "Client":
        return Client(self._app, self.project, role)

    def of_project(self, project: str) -> "Client":
        return Client(self._app, project)

    async def __call__(self, method: str, path: str, body: Any = None, *, until: int = 0) -> Answer:
        """`until`: hang up once so many lines of the answer have come."""
        url = urlsplit(path.replace("{p}", self.project))
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": [(b"host", b"127.0.0.1:8090"), (b"content-type", b"application/json")],
            "scheme": "http",
            "server": ("127.0.0.1", 8090),
            "state": {"identity": self._identity},
        }
        return await _run(self._app, scope, sent, until)


async def _run(app: ASGIApp, scope: Scope, body: bytes, until: int) -> Answer:
    messages: list[Message] = []
    requests: list[Message] = [{"type": "http.request", "body": body}]
    enough = asyncio.Event()

    async def receive() -> Message:
        if requests:
            return requests.pop()
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)
        if until and sum(one.get("body", b"").count(b"\n") for one in messages) >= until:
            enough.set()

    await app(scope, receive, send)
    start = next(message for message in messages if message["type"] == "http.response.start")
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in messages))


def package(name: str = "bootstrap", mode: int = 0o755, text: str = "#!/bin/sh\n") -> str:
    """A code package in Base64."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100000 | mode) << 16
        archive.writestr(entry, text)
    return base64.b64encode(file.getvalue()).decode()


def function_body(name: str = "hello", **fields: Any) -> dict[str, Any]:
    """The least that creates a function; a field of None is left out."""
    body = {
        "func_name": name,
        "package": "default",
        "runtime": "Custom Image",
        "timeout": 30,
        "handler": "-",
        "memory_size": 128,
        "code_type": "zip",
        "func_code": {"file": package()},
    }
    return {key: value for key, value in (body | fields).items() if value is not None}


def encoded(urn: str) -> str:
    """As FunctionGraph's SDK writes a URN into a path."""
    return quote(urn, safe="")
