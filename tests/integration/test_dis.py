"""The dis trigger on moto's Kinesis, and on the service in memory for what moto lacks: TLS, keys, and coming back with what it held."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice_dis import KIND
from sluice_dis.settings import DisSettings
from tests.certificates import Authority
from tests.conformance.dis_fake import FakeKinesis
from tests.conformance.intake import FakeIntake
from tests.kinesis import Producer
from tests.servers import Moto, free_port_run
from tests.waiting import until

BINDING = Binding("t1", "p1", "DIS", "dis", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
WITHIN_S = 30.0
OFTEN = {"polling_interval": 20, "polling_unit": "ms"}


@asynccontextmanager
async def running(intake: FakeIntake, given: dict[str, object]) -> AsyncIterator["asyncio.Task[None]"]:
    """A trigger that is ready, or has ended."""
    ready = asyncio.Event()
    settings = msgspec.convert(OFTEN | given, DisSettings)
    task = asyncio.create_task(KIND.build(BINDING, settings).run(intake, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
    waiting.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def fails(given: dict[str, object], intake: FakeIntake | None = None) -> BaseException | None:
    """What a run ends with by itself."""
    async with running(intake or FakeIntake(), given) as task:
        await asyncio.wait({task}, timeout=WITHIN_S)
        return task.exception()


def values(intake: FakeIntake) -> list[bytes | None]:
    return [record.value for record in intake.accepted]


@pytest.fixture
def own_moto(moto: Moto, tmp_path: Path) -> Iterator[Moto]:
    """One that nobody else uses; `moto` is asked for so that a missing one is told in the usual way."""
    server = Moto(tmp_path / "moto")
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def producer(moto: Moto) -> Producer:
    return await asyncio.to_thread(Producer, moto, 3)


async def test_every_shard_is_read_in_order(producer: Producer) -> None:
    records = [(str(number % 20), b"%d" % number) for number in range(2000)]
    await asyncio.to_thread(producer.put_keyed, records)
    intake = FakeIntake()
    async with running(intake, producer.settings()):
        await until(lambda: len(intake.accepted) == 2000, WITHIN_S)
    assert len({record.source for record in intake.accepted}) == 3
    by_key = {key: [value for one, value in records if one == key] for key, _ in records}
    seen = {key: [record.value for record in intake.accepted if record.key == key.encode()] for key in by_key}
    assert seen == by_key


async def test_a_time_to_begin_at_is_kept_to(moto: Moto) -> None:
    producer = await asyncio.to_thread(Producer, moto)
    await asyncio.to_thread(producer.put, b"before")
    await asyncio.to_thread(producer.put, b"after")
    _, last_ms = await asyncio.to_thread(producer.last)
    intake = FakeIntake()
    async with running(intake, producer.settings(sharditerator_type="AT_TIMESTAMP", start_timestamp=last_ms - 1)):
        await until(lambda: values(intake) == [b"after"], WITHIN_S)


async def test_a_stream_that_does_not_exist_is_refused_by_its_setting(producer: Producer) -> None:
    refused = await fails(producer.settings(stream_name="no-such-stream"))
    assert isinstance(refused, SourceRefused)
    assert "stream_name" in str(refused)
    assert "no-such-stream" in str(refused)


async def test_nobody_there_is_a_lost_source(producer: Producer) -> None:
    lost = await fails(producer.settings(endpoint="http://127.0.0.1:1"))
    assert isinstance(lost, SourceLost)
    assert "127.0.0.1:1" in str(lost)


async def test_a_deleted_stream_ends_the_run_by_name(producer: Producer) -> None:
    intake = FakeIntake()
    async with running(intake, producer.settings()) as task:
        await asyncio.to_thread(producer.put, b"1")
        await until(lambda: values(intake) == [b"1"], WITHIN_S)
        await asyncio.to_thread(producer.client.delete_stream, StreamName=producer.stream)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)


async def test_a_server_that_is_killed_is_a_lost_source_and_what_it_has_after_it_is_another_stream(own_moto: Moto) -> None:
    producer = await asyncio.to_thread(Producer, own_moto)
    intake = FakeIntake()
    async with running(intake, producer.settings()) as task:
        await asyncio.to_thread(producer.put, b"1", b"2")
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
        await asyncio.to_thread(own_moto.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(own_moto.start)
    assert isinstance(await fails(producer.settings(), intake), SourceRefused)
    await asyncio.to_thread(producer.create)
    await asyncio.to_thread(producer.put, b"3")
    async with running(intake, producer.settings()):
        await until(lambda: values(intake) == [b"1", b"2", b"3"], WITHIN_S)


@pytest.fixture
def service() -> Iterator[FakeKinesis]:
    kinesis = FakeKinesis(free_port_run(1))
    kinesis.start()
    kinesis.create("clicks", 2)
    yield kinesis
    kinesis.kill()


def asked(kinesis: FakeKinesis, **more: object) -> dict[str, object]:
    login = {"endpoint": kinesis.endpoint, "region": kinesis.region, "access_key": kinesis.access_key, "secret_key": kinesis.secret_key}
    return {"stream_name": "clicks", "sharditerator_type": "TRIM_HORIZON", **login, **more}


async def test_a_service_that_comes_back_with_what_it_held_is_read_on_without_loss_or_repetition(service: FakeKinesis) -> None:
    intake = FakeIntake()
    for number in range(3):
        async with running(intake, asked(service)) as task:
            service.put("clicks", *[b"%d-%d" % (number, each) for each in range(500)], key=str(number))
            await until(lambda: len(intake.accepted) > 500 * number, WITHIN_S)  # noqa: B023 - awaited before the loop goes on
            await asyncio.to_thread(service.kill)
            await asyncio.wait({task}, timeout=WITHIN_S)
            assert isinstance(task.exception(), SourceLost)
        service.put("clicks", b"while it was away", key=str(number))
        service.start()
    async with running(intake, asked(service)):
        await until(lambda: len(intake.accepted) == 1503, WITHIN_S)
    assert len({(record.source, record.position) for record in intake.accepted}) == 1503


async def test_a_changed_secret_is_refused_until_the_trigger_has_it_too(service: FakeKinesis) -> None:
    service.put("clicks", b"1")
    service.secret_key = "rotated"
    refused = await fails(asked(service, secret_key="before"))
    assert isinstance(refused, SourceRefused)
    assert "secret_key" in str(refused)
    assert "before" not in str(refused)
    intake = FakeIntake()
    async with running(intake, asked(service)):
        await until(lambda: values(intake) == [b"1"], WITHIN_S)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[FakeKinesis]:
    """Behind TLS."""
    (tmp_path / "server.pem").write_bytes(b"".join(authority.issue("localhost")))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    kinesis = FakeKinesis(free_port_run(1), context)
    kinesis.start()
    kinesis.create("clicks")
    kinesis.put("clicks", b"1")
    yield kinesis
    kinesis.kill()


@pytest.mark.parametrize("form", ["path", "text"])
async def test_an_authority_of_our_own_is_trusted(secure: FakeKinesis, authority: Authority, tmp_path: Path, form: str) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    trusted = str(tmp_path / "ca.pem") if form == "path" else authority.certificate.decode()
    intake = FakeIntake()
    async with running(intake, asked(secure, tls_ca=trusted)):
        await until(lambda: values(intake) == [b"1"], WITHIN_S)


async def test_a_service_that_is_not_trusted_is_refused_by_its_setting(secure: FakeKinesis) -> None:
    for trusted in ("", Authority().certificate.decode()):
        refused = await fails(asked(secure, tls_ca=trusted))
        assert isinstance(refused, SourceRefused), refused
        assert "tls_ca" in str(refused)


async def test_an_authority_that_cannot_be_read_is_refused_by_its_setting(secure: FakeKinesis) -> None:
    refused = await fails(asked(secure, tls_ca="/no/such/file"))
    assert isinstance(refused, SourceRefused)
    assert "tls_ca" in str(refused)


async def test_a_changed_authority_is_read_at_the_next_start(secure: FakeKinesis, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority().certificate)
    assert isinstance(await fails(asked(secure, tls_ca=str(file))), SourceRefused)
    file.write_bytes(authority.certificate)
    intake = FakeIntake()
    async with running(intake, asked(secure, tls_ca=str(file))):
        await until(lambda: values(intake) == [b"1"], WITHIN_S)
