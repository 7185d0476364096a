"""A Kinesis service in memory that speaks the real protocol (signed JSON over HTTP, TLS if wanted), as far as a reader needs it.

It is quicker than a stand-in for all of Kinesis, and has what the one in `tests.servers` lacks: records stay in the shard they were put
into when that is split or merged, records and shards are forgotten, iterators expire, requests are throttled, keys and signatures are
checked, and it keeps what it holds while nobody can reach it.
"""

import asyncio
import base64
import hashlib
import json
import ssl
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898
HASHES = 2**128
HOUR_MS = 3_600_000
ANSWER_BYTES = 10 * 1024 * 1024

Content = dict[str, Any]


class Fault(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class FakeRecord(NamedTuple):
    sequence: int
    at_ms: int
    size: int
    text: str
    """As an answer holds it."""


@dataclass
class FakeShard:
    """`records` are those that are still held, in order."""

    id: str
    hashes: range
    parents: tuple[str, ...] = ()
    closed: bool = False
    records: list[FakeRecord] = field(default_factory=list)
    forgotten: int = 0
    """Sequence numbers up to this one are held no more."""
    holes: int = 0
    """So many reads give nothing, although there is more."""

    def told(self) -> Content:
        numbers = {"StartingSequenceNumber": str(FIRST_SEQUENCE)}
        if self.closed:
            numbers["EndingSequenceNumber"] = str(self.records[-1].sequence if self.records else FIRST_SEQUENCE)
        names = zip(("ParentShardId", "AdjacentParentShardId"), self.parents, strict=False)
        hashes = {"StartingHashKey": str(self.hashes.start), "EndingHashKey": str(self.hashes.stop - 1)}
        return {"ShardId": self.id, "HashKeyRange": hashes, "SequenceNumberRange": numbers, **dict(names)}


@dataclass
class FakeStream:
    made_ms: int
    shards: dict[str, FakeShard] = field(default_factory=dict)
    retention_hours: int = 24
    added: int = 0

    def add(self, hashes: range, *parents: str) -> FakeShard:
        shard = FakeShard(f"shardId-{self.added:012}", hashes, parents)
        self.added += 1
        self.shards[shard.id] = shard
        return shard

    def shard(self, name: str) -> FakeShard:
        if name not in self.shards:
            raise Fault("ResourceNotFoundException", f"Shard {name} does not exist")
        return self.shards[name]


class FakeKinesis:
    """One service. What it holds outlives `kill`."""

    access_key = "sluice"
    secret_key = "sluice-secret"
    region = "eu-west-1"

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.endpoint = f"http{'s' if tls else ''}://localhost:{port}"
        self.streams: dict[str, FakeStream] = {}
        self.requests: dict[str, int] = {}
        """How many came, by operation."""
        self.faults: deque[tuple[str, Fault]] = deque()
        """The next requests of these operations are answered so."""
        self.ahead_ms = 0
        """What its clock is ahead of ours: time that passed."""
        self.is_forgetful = False
        """Whether forgotten sequence numbers are taken, and then nothing ever follows them."""
        self._tls = tls
        self._issue = 0
        self._sequence = FIRST_SEQUENCE
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

    def create(self, stream: str, shards: int = 1) -> FakeStream:
        made = FakeStream(self.now_ms())
        for number in range(shards):
            made.add(range(HASHES * number // shards, HASHES * (number + 1) // shards))
        self.streams[stream] = made
        return made

    def source(self, stream: str, shard: int = 0) -> str:
        """What Sluice calls it."""
        return f"{stream}#{self.streams[stream].made_ms}/shardId-{shard:012}"

    def put(self, stream: str, *values: bytes, key: str = "k") -> FakeShard:
        """All go to the shard of the key."""
        with self._lock:
            shard = self._of_key(stream, key)
            shard.records += [self._record(value, key) for value in values]
        return shard

    def split(self, stream: str, shard: str) -> tuple[FakeShard, FakeShard]:
        with self._lock:
            made = self.streams[stream]
            parent = made.shard(shard)
            parent.closed = True
            middle = (parent.hashes.start + parent.hashes.stop) // 2
            return made.add(range(parent.hashes.start, middle), shard), made.add(range(middle, parent.hashes.stop), shard)

    def merge(self, stream: str, one: str, other: str) -> FakeShard:
        with self._lock:
            made = self.streams[stream]
            parents = [made.shard(one), made.shard(other)]
            for parent in parents:
                parent.closed = True
            hashes = range(min(parent.hashes.start for parent in parents), max(parent.hashes.stop for parent in parents))
            return made.add(hashes, one, other)

    def forget(self, stream: str, shard: str, records: int) -> None:
        """As retention does, with the oldest so many."""
        with self._lock:
            held = self.streams[stream].shard(shard)
            held.forgotten = held.records[records - 1].sequence
            held.records = held.records[records:]

    def expire_iterators(self) -> None:
        self._issue += 1

    def fail_next(self, operation: str, code: str, times: int = 1, status: int = 400) -> None:
        self.faults.extend([(operation, Fault(code, "as the test wants it", status))] * times)

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    # what it answers

    def describe_stream_summary(self, asked: Content) -> str:
        stream = self._stream(asked["StreamName"])
        summary = {
            "StreamName": asked["StreamName"],
            "StreamStatus": "ACTIVE",
            "RetentionPeriodHours": stream.retention_hours,
            "StreamCreationTimestamp": stream.made_ms / 1000,
            "OpenShardCount": len(stream.shards),
        }
        return json.dumps({"StreamDescriptionSummary": summary})

    def list_shards(self, asked: Content) -> str:
        """A hundred at a time."""
        name, _, start = asked.get("NextToken", f"{asked.get('StreamName')}:0").partition(":")
        shards = [shard.told() for shard in self._stream(name).shards.values()]
        until = int(start) + 100
        more = {"NextToken": f"{name}:{until}"} if until < len(shards) else {}
        return json.dumps({"Shards": shards[int(start) : until], **more})

    def get_shard_iterator(self, asked: Content) -> str:
        stream = self._stream(asked["StreamName"])
        shard = stream.shard(asked["ShardId"])
        return json.dumps({"ShardIterator": self._iterator(asked["StreamName"], shard, self._sequence_of(shard, asked))})

    def _sequence_of(self, shard: FakeShard, asked: Content) -> int:
        match asked["ShardIteratorType"]:
            case "TRIM_HORIZON":
                return 0
            case "LATEST":
                return self._sequence + 1
            case "AT_TIMESTAMP":
                from_ms = asked["Timestamp"] * 1000
                return next((record.sequence for record in shard.records if record.at_ms >= from_ms), self._sequence + 1)
            case kind:
                return self._numbered(shard, int(asked["StartingSequenceNumber"]), 0 if kind == "AT_SEQUENCE_NUMBER" else 1)

    def _numbered(self, shard: FakeShard, sequence: int, ahead: int) -> int:
        if not FIRST_SEQUENCE <= sequence <= self._sequence or (sequence <= shard.forgotten and not self.is_forgetful):
            raise Fault("InvalidArgumentException", f"StartingSequenceNumber {sequence} is invalid")
        return -1 if sequence <= shard.forgotten else sequence + ahead

    def get_records(self, asked: Content) -> str:
        name, made, shard_name, issue, start = asked["ShardIterator"].split("/")
        stream = self._stream(name)
        if int(issue) != self._issue:
            raise Fault("ExpiredIteratorException", "Iterator expired")
        if int(made) != stream.made_ms:
            raise Fault("ResourceNotFoundException", "the stream is another one")
        shard, sequence = stream.shard(shard_name), int(start)
        if sequence < 0:
            return self._answer([], self._iterator(name, shard, sequence), stream.retention_hours * HOUR_MS)
        found, left = self._held(shard, sequence, asked.get("Limit", 10_000))
        if left and shard.holes:
            shard.holes -= 1
            return self._answer([], self._iterator(name, shard, sequence), 1000)
        behind_ms = max(1, self.now_ms() - found[-1].at_ms) if found and left > len(found) else 0
        if shard.closed and left == len(found):
            return self._answer(found, None, 0)
        return self._answer(found, self._iterator(name, shard, found[-1].sequence + 1 if found else sequence), behind_ms)

    def _held(self, shard: FakeShard, sequence: int, most: int) -> tuple[list[FakeRecord], int]:
        """Records of one answer, and how many there are in all."""
        at = bisect_left(shard.records, sequence, key=lambda record: record.sequence)
        found: list[FakeRecord] = []
        size = 0
        for record in shard.records[at : at + most]:
            size += record.size
            if found and size > ANSWER_BYTES:
                break
            found.append(record)
        return found, len(shard.records) - at

    def _answer(self, records: list[FakeRecord], following: str | None, behind_ms: int) -> str:
        texts = ",".join([record.text for record in records])
        return f'{{"Records":[{texts}],"NextShardIterator":{json.dumps(following)},"MillisBehindLatest":{behind_ms}}}'

    def _iterator(self, stream: str, shard: FakeShard, sequence: int) -> str:
        return f"{stream}/{self.streams[stream].made_ms}/{shard.id}/{self._issue}/{sequence}"

    def put_records(self, asked: Content) -> str:
        name, answers = asked["StreamName"], []
        for record in asked["Records"]:
            shard = self.put(name, base64.b64decode(record["Data"]), key=record["PartitionKey"])
            answers.append({"ShardId": shard.id, "SequenceNumber": str(self._sequence)})
        return json.dumps({"FailedRecordCount": 0, "Records": answers})

    def create_stream(self, asked: Content) -> str:
        self.create(asked["StreamName"], asked.get("ShardCount", 1))
        return "{}"

    def _stream(self, name: str) -> FakeStream:
        if name not in self.streams:
            raise Fault("ResourceNotFoundException", f"Stream {name} not found")
        return self.streams[name]

    def _of_key(self, stream: str, key: str) -> FakeShard:
        number = int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16)
        return next(shard for shard in self._stream(stream).shards.values() if not shard.closed and number in shard.hashes)

    def _record(self, value: bytes, key: str) -> FakeRecord:
        self._sequence += 1
        at_ms = self.now_ms()
        data = base64.b64encode(value).decode()
        told = {"SequenceNumber": str(self._sequence), "ApproximateArrivalTimestamp": at_ms / 1000, "Data": data, "PartitionKey": key}
        return FakeRecord(self._sequence, at_ms, len(value) + len(key), json.dumps(told))

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
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        operation = _snake(request.headers.get("X-Amz-Target", "").rpartition(".")[2])
        try:
            self._check(request.headers, body)
            self.requests[operation] = self.requests.get(operation, 0) + 1
            if self.faults and self.faults[0][0] == operation:
                raise self.faults.popleft()[1]
            answer: Callable[[Content], str] = getattr(self, operation)
            text, status = answer(json.loads(body)), 200
        except Fault as fault:
            text, status = json.dumps({"__type": fault.code, "message": fault.message}), fault.status
        headers = {"Content-Type": "application/x-amz-json-1.1", "Date": _http_date(self.now_ms())}
        return web.Response(body=text.encode(), status=status, headers=headers)

    def _check(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature, as the driver's own code makes it."""
        words = dict(word.strip().split("=", 1) for word in headers["Authorization"].partition(" ")[2].split(","))
        if words["Credential"].split("/")[0] != self.access_key:
            raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.")
        signed = {name: headers[name] for name in words["SignedHeaders"].split(";")}
        request = AWSRequest("POST", self.endpoint + "/", headers=signed, data=body)
        request.context["timestamp"] = headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(self.access_key, self.secret_key), "kinesis", words["Credential"].split("/")[2])
        text = auth.string_to_sign(request, auth.canonical_request(request))
        if auth.signature(text, request) != words["Signature"]:
            raise Fault("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


def _http_date(now_ms: int) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now_ms / 1000))
