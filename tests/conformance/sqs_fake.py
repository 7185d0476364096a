"""An SQS service in memory that speaks the real protocol (signed JSON over HTTP, TLS if wanted), as far as a reader needs it.

It is quicker than a stand-in for all of SQS, and has what the one in `tests.servers` lacks: it keeps what it holds while nobody can reach
it, and checks keys and signatures.
"""

import asyncio
import hashlib
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

LOOK_S = 0.01
"""How often a request that waits looks for messages."""

Content = dict[str, Any]


class Fault(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Stored(NamedTuple):
    body: str
    receives: int = 0


class FakeSqs:
    """One service with one queue. What it holds outlives `kill`."""

    access_key = "sluice"
    secret_key = "sluice-secret"
    region = "eu-west-1"

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.endpoint = f"http{'s' if tls else ''}://localhost:{port}"
        self.url = f"{self.endpoint}/123456789012/photos"
        self.faults: deque[tuple[str, Fault]] = deque()
        """The next requests of these operations are answered so."""
        self._tls = tls
        self._waiting: deque[Stored] = deque()
        self._hidden: dict[str, tuple[Stored, float]] = {}
        """By receipt; until when."""
        self._receipts = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # what is done to it

    def start(self) -> None:
        """Returns when it can be reached."""
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(self._loop, ready), daemon=True)
        self._thread.start()
        assert ready.wait(20), f"port {self.port} cannot be listened on"

    def kill(self) -> None:
        """Nobody can reach it any more, and every connection is cut."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(20)
            self._loop = self._thread = None

    def send_all(self, bodies: Iterable[str]) -> None:
        self._waiting.extend(Stored(body) for body in bodies)

    @property
    def left(self) -> int:
        """Messages that are not deleted."""
        with self._lock:
            return len(self._waiting) + len(self._hidden)

    def settings(self, **more: object) -> Content:
        keys = {"access_key": self.access_key, "secret_key": self.secret_key, "region": self.region}
        return {"bucket": "photos", "events": ["ObjectCreated"], "queue_url": self.url, "visibility_timeout": 5, **keys, **more}

    # what it answers

    async def receive_message(self, asked: Content) -> Content:
        until = time.monotonic() + asked.get("WaitTimeSeconds", 0)
        while True:
            given = self._give(asked["MaxNumberOfMessages"], asked["VisibilityTimeout"])
            if given or time.monotonic() >= until:
                return {"Messages": given}
            await asyncio.sleep(LOOK_S)

    def _give(self, most: int, hidden_s: float) -> list[Content]:
        with self._lock:
            self._show_again()
            return [self._given(self._waiting.popleft(), hidden_s) for _ in range(min(most, len(self._waiting)))]

    def _show_again(self) -> None:
        now = time.monotonic()
        for receipt in [receipt for receipt, (_, until) in self._hidden.items() if until <= now]:
            self._waiting.append(self._hidden.pop(receipt)[0])

    def _given(self, stored: Stored, hidden_s: float) -> Content:
        self._receipts += 1
        receipt = f"receipt-{self._receipts}"
        given = Stored(stored.body, stored.receives + 1)
        self._hidden[receipt] = (given, time.monotonic() + hidden_s)
        digest = hashlib.md5(given.body.encode(), usedforsecurity=False).hexdigest()
        counts = {"ApproximateReceiveCount": str(given.receives)}
        return {"MessageId": receipt, "ReceiptHandle": receipt, "Body": given.body, "MD5OfBody": digest, "Attributes": counts}

    async def delete_message_batch(self, asked: Content) -> Content:
        with self._lock:
            return self._each(asked, lambda entry: self._hidden.pop(entry["ReceiptHandle"]))

    async def change_message_visibility_batch(self, asked: Content) -> Content:
        with self._lock:
            return self._each(asked, self._hide)

    def _hide(self, entry: Content) -> None:
        stored, _ = self._hidden[entry["ReceiptHandle"]]
        self._hidden[entry["ReceiptHandle"]] = (stored, time.monotonic() + entry["VisibilityTimeout"])

    def _each(self, asked: Content, do: Callable[[Content], object]) -> Content:
        known = [entry for entry in asked["Entries"] if entry["ReceiptHandle"] in self._hidden]
        for entry in known:
            do(entry)
        failed = [entry for entry in asked["Entries"] if entry not in known]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in known],
            "Failed": [{"Id": entry["Id"], "SenderFault": True, "Code": "ReceiptHandleIsInvalid"} for entry in failed],
        }

    async def get_queue_attributes(self, asked: Content) -> Content:
        known = {"ApproximateNumberOfMessages": str(len(self._waiting)), "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:photos"}
        return {"Attributes": {name: known[name] for name in asked["AttributeNames"]}}

    # how it is reached

    def _serve(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
        loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "localhost", self.port, ssl_context=self._tls, reuse_address=True)
        loop.run_until_complete(site.start())
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(loop)  # whoever waits for messages
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        operation = _snake(request.headers.get("X-Amz-Target", "").rpartition(".")[2])
        try:
            self._check(request.headers, body)
            asked = json.loads(body)
            if asked["QueueUrl"] != self.url:
                raise Fault("QueueDoesNotExist")
            if self.faults and self.faults[0][0] == operation:
                raise self.faults.popleft()[1]
            answer, status = await getattr(self, operation)(asked), 200
        except Fault as fault:
            answer, status = {"__type": f"com.amazonaws.sqs#{fault.code}", "message": "as the test wants it"}, fault.status
        return web.json_response(answer, status=status, content_type="application/x-amz-json-1.0")

    def _check(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature, as the driver's own code makes it."""
        words = dict(word.strip().split("=", 1) for word in headers["Authorization"].partition(" ")[2].split(","))
        if words["Credential"].split("/")[0] != self.access_key:
            raise Fault("InvalidClientTokenId", 403)
        signed = {name: headers[name] for name in words["SignedHeaders"].split(";")}
        request = AWSRequest("POST", self.endpoint + "/", headers=signed, data=body)
        request.context["timestamp"] = headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(self.access_key, self.secret_key), "sqs", words["Credential"].split("/")[2])
        text = auth.string_to_sign(request, auth.canonical_request(request))
        if auth.signature(text, request) != words["Signature"]:
            raise Fault("SignatureDoesNotMatch", 403)


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
