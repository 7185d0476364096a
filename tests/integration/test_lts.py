"""The lts trigger and those who really send logs: OpenTelemetry's SDK, a Loki client, logger and rsyslog."""

import asyncio
import contextlib
import json
import logging
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from loki_logger_handler.loki_logger_handler import LokiLoggerHandler
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from sluice.errors import SourceLost, SourceRefused, Unavailable
from sluice_lts import KIND, listening
from tests.conformance.bench import BINDING
from tests.conformance.host import running
from tests.conformance.intake import FakeIntake
from tests.conformance.test_lts import EXAMPLE, TOKEN, OtlpBench
from tests.servers import Rsyslog, free_port_run, missing
from tests.waiting import until

WITHIN_S = 30.0
LOGGER = shutil.which("logger")


def settings(**changes: object) -> Any:
    return msgspec.convert({**EXAMPLE, **changes}, KIND.settings)


@contextlib.asynccontextmanager
async def listening_to(intake: FakeIntake, **changes: object) -> AsyncIterator["asyncio.Task[None]"]:
    """A trigger that is ready, or has ended."""
    ready = asyncio.Event()
    task = asyncio.create_task(KIND.build(BINDING, settings(**changes)).run(intake, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
    waiting.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def free_address() -> str:
    return f"127.0.0.1:{free_port_run(1)}"


def logs(intake: FakeIntake) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in intake.accepted]


def messages(intake: FakeIntake) -> list[str]:
    """Without the space that rsyslog writes before each."""
    return [log["message"].removeprefix(" ") for log in logs(intake)]


class Telemetry:
    """A program that logs with OpenTelemetry's SDK."""

    def __init__(self, exporter: Any) -> None:
        self.provider = LoggerProvider(resource=Resource.create({"host.name": "vm1", "service.name": "shop"}))
        processor: LogRecordProcessor = BatchLogRecordProcessor(exporter, schedule_delay_millis=50)
        self.provider.add_log_record_processor(processor)

    async def log(self, *texts: str) -> None:
        """Returns when they are exported, or given up."""
        logger = self.provider.get_logger("tests")
        for text in texts:
            record = LogRecord(body=text, severity_text="WARN", severity_number=SeverityNumber.WARN, attributes={"http.method": "GET"})
            logger.emit(record)
        await asyncio.to_thread(self.provider.force_flush)

    async def close(self) -> None:
        await asyncio.to_thread(self.provider.shutdown)


@contextlib.asynccontextmanager
async def telemetry(exporter: Any) -> AsyncIterator[Telemetry]:
    program = Telemetry(exporter)
    try:
        yield program
    finally:
        await program.close()


async def test_otlp_over_grpc_comes_from_the_sdk() -> None:
    intake, address = FakeIntake(), free_address()
    async with listening_to(intake, otlp_listen=address, metadata=True):
        exporter = GrpcExporter(endpoint=address, insecure=True, headers=(("authorization", f"Bearer {TOKEN}"),))
        async with telemetry(exporter) as program:
            await program.log("one", "two")
    first = logs(intake)[0]
    assert messages(intake) == ["one", "two"]
    assert (first["severity"], first["host_name"], first["ip"]) == ("WARN", "vm1", "127.0.0.1")
    assert first["attributes"] == {"http": {"method": "GET"}}


async def test_without_the_token_nothing_is_taken_over_grpc() -> None:
    intake, address = FakeIntake(), free_address()
    async with listening_to(intake, otlp_listen=address):
        for headers in ((), (("authorization", "Bearer wrong"),)):
            async with telemetry(GrpcExporter(endpoint=address, insecure=True, headers=headers)) as program:
                await program.log("one")
    assert not intake.hand_overs


async def test_an_exporter_that_is_told_to_come_again_does_and_its_logs_keep_their_ids() -> None:
    intake, address = FakeIntake(), free_address()
    intake.fail_next(Unavailable("full", 0.2))
    async with listening_to(intake, otlp_listen=address):
        exporter = GrpcExporter(endpoint=address, insecure=True, headers=(("authorization", f"Bearer {TOKEN}"),))
        async with telemetry(exporter) as program:
            await program.log("one")
            await until(lambda: messages(intake) == ["one"], WITHIN_S)
    (_, first), (_, second) = intake.hand_overs
    assert first.id == second.id != ""


async def test_otlp_over_grpc_with_client_certificates(rsyslog: Rsyslog) -> None:
    tls = certificates(rsyslog)
    intake, port = FakeIntake(), free_port_run(1)
    own = {"tls_certificate": str(tls / "server.pem"), "tls_key": str(tls / "server.key"), "tls_client_ca": str(tls / "ca.pem")}
    authority, key, certificate = ((tls / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem"))
    known = grpc.ssl_channel_credentials(authority, key, certificate)
    unknown = grpc.ssl_channel_credentials(authority)
    async with listening_to(intake, otlp_listen=f"127.0.0.1:{port}", push_token="", **own):
        async with telemetry(GrpcExporter(endpoint=f"https://localhost:{port}", credentials=unknown, timeout=1)) as program:
            await program.log("unknown")
        async with telemetry(GrpcExporter(endpoint=f"https://localhost:{port}", credentials=known)) as program:
            await program.log("known")
    assert messages(intake) == ["known"]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
async def test_otlp_over_http_comes_from_the_sdk(compression: Compression) -> None:
    bench, intake = OtlpBench(), FakeIntake()
    async with running(bench, intake):
        exporter = HttpExporter(f"{bench.url}/v1/logs", headers={"Authorization": f"Bearer {TOKEN}"}, compression=compression)
        async with telemetry(exporter) as program:
            await program.log("one", "two")
    assert [record.value for record in intake.accepted] == [b"one", b"two"]


async def test_otlp_over_http_is_sent_again_until_it_is_taken() -> None:
    bench, intake = OtlpBench(), FakeIntake()
    intake.fail_next(Unavailable("full", 1))
    async with running(bench, intake):
        exporter = HttpExporter(f"{bench.url}/v1/logs", headers={"Authorization": f"Bearer {TOKEN}"})
        async with telemetry(exporter) as program:
            await program.log("one")
            await until(lambda: [record.value for record in intake.accepted] == [b"one"], WITHIN_S)
    (_, first), (_, second) = intake.hand_overs
    assert first.id == second.id != ""


async def test_a_loki_client_pushes_with_its_password() -> None:
    bench, intake = OtlpBench(), FakeIntake()
    async with running(bench, intake):
        handler = LokiLoggerHandler(f"{bench.url}/loki/api/v1/push", {"app": "shop"}, auth=("sluice", TOKEN), timeout=1)
        for text in ("one", "two"):
            handler.emit(logging.LogRecord("shop", logging.WARNING, __file__, 1, text, (), None))
        handler.flush_event.set()
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
    assert [json.loads(record.value or b"")["message"] for record in intake.accepted] == ["one", "two"]


def log_with(*arguments: str) -> None:
    if LOGGER is None:
        missing("logger is not installed: run make servers")
    subprocess.run([LOGGER, *arguments], check=True, timeout=30)


@pytest.mark.parametrize("form", ["--rfc3164", "--rfc5424"])
@pytest.mark.parametrize(
    ("field", "way"), [("syslog_udp", ("--udp",)), ("syslog_tcp", ("--tcp",)), ("syslog_tcp", ("--tcp", "--octet-count"))]
)
async def test_syslog_comes_from_logger(form: str, field: str, way: tuple[str, ...]) -> None:
    intake, port = FakeIntake(), free_port_run(1)
    async with listening_to(intake, **{field: f"127.0.0.1:{port}"}):
        log_with(*way, form, "--server", "127.0.0.1", "--port", str(port), "-p", "local0.err", "-t", "shop", "one \u2603 more")
        await until(lambda: messages(intake) == ["one \u2603 more"], WITHIN_S)
    (log,) = logs(intake)
    assert (log["severity"], log["attributes"]["facility"], log["attributes"]["app_name"]) == ("err", "local0", "shop")
    assert log["host_name"]
    assert abs(log["time"] / 1000 - time.time()) < 3600


def certificates(rsyslog: Rsyslog) -> Path:
    """Made when it starts."""
    rsyslog.start(9, "udp")
    rsyslog.stop()
    return rsyslog.tls_dir


async def told(rsyslog: Rsyslog, *texts: str) -> None:
    """As programs tell their machine's syslog."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
        sending.connect(str(rsyslog.socket))
        datagrams = [f"<13>Mar  2 10:00:00 shop[7]: {text}".encode() for text in texts]
        await asyncio.to_thread(lambda: [sending.send(datagram) for datagram in datagrams])


@pytest.mark.parametrize("way", ["udp", "tcp", "lines", "tls"])
async def test_syslog_comes_from_rsyslog(rsyslog: Rsyslog, way: str) -> None:
    intake, port = FakeIntake(), free_port_run(1)
    field = {"lines": "syslog_tcp"}.get(way, f"syslog_{way}")
    tls = certificates(rsyslog)
    own = {"tls_certificate": str(tls / "server.pem"), "tls_key": str(tls / "server.key"), "tls_client_ca": str(tls / "ca.pem")}
    async with listening_to(intake, **{field: f"127.0.0.1:{port}"}, **(own if way == "tls" else {})):
        await asyncio.to_thread(rsyslog.start, port, way)
        await told(rsyslog, "one", "two")
        await until(lambda: messages(intake) == ["one", "two"], WITHIN_S)
    assert [log["attributes"]["app_name"] for log in logs(intake)] == ["shop", "shop"]


async def test_a_syslog_sender_is_held_back_by_not_being_read(rsyslog: Rsyslog) -> None:
    intake, port, count = FakeIntake(), free_port_run(1), 10_000
    async with listening_to(intake, syslog_tcp=f"127.0.0.1:{port}"):
        await asyncio.to_thread(rsyslog.start, port, "tcp")
        intake.hold()
        await told(rsyslog, *(f"{number}" + " padding" * 20 for number in range(count)))
        await until(lambda: intake.waiting_records > 0, WITHIN_S)
        assert len(intake.hand_overs) < count
        intake.let_flow()
        await until(lambda: len(intake.accepted) == count, WITHIN_S)
    assert [text.split()[0] for text in messages(intake)] == [str(number) for number in range(count)]
    assert intake.most_bytes < 1_000_000


async def test_a_certificate_that_is_exchanged_is_shown_and_connections_stay(rsyslog: Rsyslog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LOOK_S", 0.05)
    tls = certificates(rsyslog)
    intake, port = FakeIntake(), free_port_run(1)
    own = {"tls_certificate": str(tls / "server.pem"), "tls_key": str(tls / "server.key")}
    async with listening_to(intake, syslog_tls=f"127.0.0.1:{port}", **own):
        before, writer = await shown_by(port)
        for name in ("key", "pem"):
            (tls / f"client.{name}").replace(tls / f"server.{name}")
        await asyncio.wait_for(until_another_is_shown(port, before), WITHIN_S)
        writer.write(b"<13>app: still here\n")
        await writer.drain()
        await until(lambda: messages(intake) == ["still here"], WITHIN_S)
        writer.close()


async def shown_by(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    return writer.get_extra_info("ssl_object").getpeercert(binary_form=True), writer


async def until_another_is_shown(port: int, before: bytes) -> None:
    now = before
    while now == before:
        with contextlib.suppress(OSError):
            now, writer = await shown_by(port)
            writer.close()


@pytest.mark.parametrize("field", ["otlp_listen", "syslog_udp", "syslog_tcp"])
async def test_an_address_that_is_in_use_may_be_free_later(field: str) -> None:
    kind = socket.SOCK_DGRAM if field == "syslog_udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        async with listening_to(FakeIntake(), **{field: f"127.0.0.1:{taken.getsockname()[1]}"}) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            assert isinstance(task.exception(), SourceLost)
            assert field in str(task.exception())


@pytest.mark.parametrize("changes", [{"tls_certificate": "/no/such", "tls_key": "/no/such"}, {"tls_client_ca": "/no/such"}])
async def test_certificates_that_cannot_be_used_are_refused_by_name(rsyslog: Rsyslog, changes: dict[str, str]) -> None:
    tls = certificates(rsyslog)
    own = {"tls_certificate": str(tls / "server.pem"), "tls_key": str(tls / "server.key")} | changes
    for field in ("syslog_tls", "otlp_listen"):
        async with listening_to(FakeIntake(), **{field: free_address()}, **own) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            assert isinstance(task.exception(), SourceRefused)
            assert next(iter(changes)) in str(task.exception())


@pytest.mark.parametrize("field", ["otlp_listen", "syslog_udp", "syslog_tcp"])
async def test_an_address_has_one_process_at_a_time(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_lts.trigger.STANDBY_S", 0.01)
    address = free_address()
    intake = FakeIntake()
    intake.take_over(f"{field} {address}")
    async with listening_to(intake, **{field: address}) as task:
        assert not task.done()
        async with listening_to(FakeIntake(), **{field: address}) as other:
            assert not other.done()
