"""The lts kind, by each way that logs take into it."""

import base64
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cramjam
import grpc
import grpc.aio
import msgspec
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from sluice.event import Record
from sluice.followed_file import FollowedFile
from sluice.ledger import Claim
from sluice.readable_files import ReadableFiles
from sluice.settings import Settings
from sluice.text import BINARY, text
from sluice.trigger import Intake, Trigger
from sluice_lts import KIND
from sluice_lts.loki_messages import PushRequest
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.pushed import PushedBench, post
from tests.conformance.suite import TriggerConformance
from tests.servers import free_port_run

TOKEN = "a token of some length"
EXAMPLE: dict[str, Any] = {"log_group_id": "97a9d284", "log_topic_id": "1a96b1f2", "push_token": TOKEN}


def message_bytes(record: Record) -> bytes:
    """What was produced: a message that is not UTF-8 is told in base64."""
    message: str = json.loads(record.value or b"")["message"]
    return base64.b64decode(message.removeprefix(BINARY)) if message.startswith(BINARY) else message.encode()


class LtsBench(PushedBench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    empty = (b"",)

    def make(self, **settings: object) -> Trigger:
        return KIND.build(BINDING, msgspec.convert(EXAMPLE | settings, KIND.settings))

    def produced(self, record: Record) -> bytes | None:
        return message_bytes(record)

    async def push(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        return await post(self.url + path, body, {"Authorization": f"Bearer {TOKEN}", **headers})


class OtlpBench(LtsBench):
    """Each value is a request of one log."""

    async def send(self, value: bytes) -> tuple[int, str]:
        request = ExportLogsServiceRequest()
        record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
        record.body.string_value = text(value)
        return await self.push("/v1/logs", request.SerializeToString(), {"Content-Type": "application/x-protobuf"})


class LokiBench(LtsBench):
    """Each value is a push of one entry."""

    async def send(self, value: bytes) -> tuple[int, str]:
        push = PushRequest()
        entry = push.streams.add(labels='{app="a"}').entries.add(line=value)
        entry.timestamp.FromNanoseconds(time.time_ns())
        body = bytes(cramjam.snappy.compress_raw(push.SerializeToString()))
        return await self.push("/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"})


class GrpcBench(LtsBench):
    """Each value is a call of OTLP's LogsService, where the trigger itself listens."""

    def __init__(self) -> None:
        super().__init__()
        self.address = f"127.0.0.1:{free_port_run(1)}"

    def make(self, **settings: object) -> Trigger:
        return super().make(otlp_listen=self.address, **settings)

    async def send(self, value: bytes) -> tuple[int, str]:
        request = ExportLogsServiceRequest()
        record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
        record.body.string_value = text(value)
        async with grpc.aio.insecure_channel(self.address) as channel:
            try:
                answer = await LogsServiceStub(channel).Export(  # type: ignore[no-untyped-call]
                    request, metadata=(("authorization", f"Bearer {TOKEN}"),)
                )
            except grpc.aio.AioRpcError as error:
                return (503, _retry_after(error)) if error.code() in AGAIN else (500, "")
        return (400 if answer.partial_success.rejected_log_records else 200), ""


AGAIN = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""By which OTLP's exporters are told to come again."""


def _retry_after(error: grpc.aio.AioRpcError) -> str:
    shown = dict(error.trailing_metadata() or ()).get("google.rpc.retryinfo-bin", b"")
    return str(RetryInfo.FromString(shown if isinstance(shown, bytes) else b"").retry_delay.ToMilliseconds() / 1000)


class TestOtlp(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = OtlpBench()
        yield bench
        await bench.close()


class TestLoki(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = LokiBench()
        yield bench
        await bench.close()


class FileBench(Bench):
    """Each value is a line of a file that a program writes; what would end a line is escaped, as programs do."""

    kind = KIND
    window = Window(20_000, 8 * 1024 * 1024)
    empty = (b"",)
    deadline_s = 20.0
    patience_s = 0.3
    cannot: Mapping[str, str] = {"a_lost_connection_is_named": "nothing connects to a file"}

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.log"
        self.example = json.dumps({**EXAMPLE, "files": [str(self.path)]}).encode()
        self.accepted = 0
        self.reached = ""
        """The position that was accepted last; it also counts files and lines."""

    def trigger(self, **settings: object) -> Trigger:
        chosen = msgspec.convert({**EXAMPLE, "files": [str(self.path)], **settings}, KIND.settings)
        return Accounted(KIND.within(Settings(readable_logs=str(self.path.parent))).build(BINDING, chosen), self)

    async def produce(self, *values: bytes | None) -> None:
        with self.path.open("ab") as file:
            file.writelines(_escaped(value or b"") + b"\n" for value in values)

    async def confirmed(self) -> int:
        return self.accepted

    async def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def leave_gap(self) -> None:
        """The file is truncated: its new beginning is a place without a record."""
        os.truncate(self.path, 0)

    async def end(self) -> str:
        follower = FollowedFile(self.path, ReadableFiles([self.path.parent]))
        try:
            place = follower.begin(None, "latest")
        finally:
            follower.close()
        return self.reached if self.reached and _apart(self.reached) == _apart(place) else place

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"gone")
        follower = FollowedFile(self.path, ReadableFiles([self.path.parent]))
        place = follower.begin(None, "latest")
        follower.close()
        os.truncate(self.path, 0)
        await self.produce(b"1")
        return str(self.path), place

    def event(self, records: Sequence[Record]) -> bytes:
        body = super().event(records)
        return base64.b64decode(json.loads(body)["lts"]["data"])


def _escaped(value: bytes) -> bytes:
    return value.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def _unescaped(line: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1]), line)


def _apart(place: str) -> str:
    """A place but for what was counted on the way there."""
    _, device, inode, offset, _, head, digest = place.split(":")
    return f"{device}:{inode}:{offset}:{head}:{digest}"


class Accounted:
    """The trigger, and what was accepted of it, as it was produced."""

    def __init__(self, trigger: Trigger, bench: FileBench) -> None:
        self._trigger = trigger
        self._bench = bench

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self._trigger.run(AccountedIntake(intake, self._bench), ready)


class AccountedIntake:
    def __init__(self, intake: Intake, bench: FileBench) -> None:
        self._intake = intake
        self._bench = bench
        self.claim = intake.claim
        self.release = intake.release
        self.deliver = intake.deliver
        self.serve = intake.serve
        self.rest = intake.rest
        self.plan = intake.plan
        self.lag = intake.lag

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self._intake.offer(claim, [self._produced(record) for record in records], to)
        self._bench.accepted += len(records)
        self._bench.reached = to

    def _produced(self, record: Record) -> Record:
        return record if record.value is None else msgspec.structs.replace(record, value=_unescaped(message_bytes(record)))


class TestRealOtlpGrpc(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = GrpcBench()
        yield bench
        await bench.close()


class TestRealFile(TriggerConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return FileBench(tmp_path)
