"""What stands between moto's SNS and a trigger, because moto leaves two things out."""

import asyncio
import json
import urllib.request

from tests.conformance.pushed import post
from tests.servers import Moto

SCOPE = "AWS4-HMAC-SHA256 Credential={0.access_key}/20260101/{0.region}/sns/aws4_request, SignedHeaders=host, Signature=0"


class Relay:
    """Passes messages on to the trigger's address `to`, and keeps by message what each was answered, which moto tells nobody. Passes
    requests for certificates on to moto, whose server finds its SNS by their Authorization alone."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto
        self.to = ""
        self.url = ""
        self.answered: dict[str, tuple[int, str]] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if head.startswith("GET"):
            status, body = 200, await asyncio.to_thread(self._certificate, head.split(" ")[1])
        else:
            length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0])
            status, body = await self._passed_on(await reader.readexactly(length)), b""
        writer.write(f"HTTP/1.1 {status} told\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def _passed_on(self, body: bytes) -> int:
        status, after = await post(self.to, body, {"Content-Type": "text/plain; charset=UTF-8"})
        self.answered[json.loads(body)["MessageId"]] = (status, after)
        return status

    def _certificate(self, path: str) -> bytes:
        request = urllib.request.Request(self._moto.endpoint + path, headers={"Authorization": SCOPE.format(self._moto)})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            found: bytes = answer.read()
            return found
