"""The obs trigger and a real bucket that notifies a real queue, and what refuses or goes away; where it must be more than a cable that is
cut, a queue of our own behind the same protocol."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice_obs import KIND
from sluice_obs.pushed import PushedTrigger
from sluice_obs.queue_aiobotocore import AiobotocoreQueue
from sluice_obs.settings import ObsSettings
from tests.cable import Cable
from tests.certificates import Authority
from tests.conformance.intake import FakeIntake
from tests.conformance.sqs_fake import FakeSqs, Fault
from tests.s3 import told, whole
from tests.servers import Moto, free_port_run
from tests.sqs import EVENTS, Service, keys_of
from tests.waiting import until

WITHIN_S = 30.0


class Source:
    """A bucket and a queue as a test sees them, the queue at the end of a cable."""

    def __init__(self, moto: Moto, cable: Cable) -> None:
        self.moto = moto
        self.cable = cable
        self.service = Service(moto)
        self.bucket = f"photos-{secrets.token_hex(4)}"
        self.queue = self.service.queue()
        self.binding = Binding(f"t-{secrets.token_hex(4)}", "p1", "OBS", "obs", "urn:fss:local-1:p1:function:default:f:latest", b"{}")

    def settings(self, **changes: Any) -> ObsSettings:
        least = {
            "bucket": self.bucket,
            "events": ["ObjectCreated", "ObjectRemoved"],
            "queue_url": self.queue,
            "endpoint": self.cable.endpoint,
            "region": self.moto.region,
            "access_key": self.moto.access_key,
            "secret_key": self.moto.secret_key,
            "visibility_timeout": 5,
        }
        return msgspec.convert(least | changes, ObsSettings)

    @contextlib.asynccontextmanager
    async def running(self, intake: FakeIntake, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """A trigger that is ready, or has ended."""
        ready = asyncio.Event()
        task = asyncio.create_task(KIND.build(self.binding, self.settings(**changes)).run(intake, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
        waiting.cancel()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def fails(self, **changes: Any) -> BaseException | None:
        """What a run ends with by itself."""
        async with self.running(FakeIntake(), **changes) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            return task.exception()

    async def until_empty(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            while await asyncio.to_thread(self.service.left, self.queue):  # noqa: ASYNC110 - a queue cannot say when it is
                await asyncio.sleep(0.05)

    def event(self, intake: FakeIntake) -> bytes:
        return KIND.shape(self.binding, self.settings(), intake.accepted)


@pytest.fixture
def source(moto: Moto) -> Iterator[Source]:
    with Cable(moto.endpoint) as cable:
        yield Source(moto, cable)


async def test_what_happens_in_a_bucket_becomes_records(source: Source) -> None:
    source.service.notifying_bucket(source.bucket, source.queue)
    intake = FakeIntake()
    async with source.running(intake):
        source.service.put(source.bucket, "in/a cat+ü.png", b"123")
        await until(lambda: len(intake.accepted) == 1, WITHIN_S)
        source.service.s3.delete_object(Bucket=source.bucket, Key="in/a cat+ü.png")
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
        await source.until_empty()  # the bucket's test event, too
    assert keys_of(source.event(intake)) == ["in%2Fa%20cat%2B%C3%BC.png"] * 2
    assert [record.key for record in intake.accepted] == ["in/a cat+ü.png".encode()] * 2
    made = msgspec.json.decode(source.event(intake))["Records"]
    assert [one["eventName"] for one in made] == ["ObjectCreated:Put", "ObjectRemoved:Delete"]
    assert [one["s3"]["configurationId"] for one in made] == [source.binding.trigger] * 2
    assert made[0]["s3"]["object"]["size"] == 3


async def test_a_topic_between_bucket_and_queue_makes_no_difference(source: Source) -> None:
    source.service.notifying_topic(source.bucket, source.queue)
    intake = FakeIntake()
    async with source.running(intake):
        source.service.put(source.bucket, "in/a")
        await until(lambda: len(intake.accepted) == 1, WITHIN_S)
        await source.until_empty()
    assert keys_of(source.event(intake)) == ["in%2Fa"]


async def test_the_bucket_is_told_to_notify_and_keeps_what_others_told_it(source: Source) -> None:
    theirs = source.service.queue()
    source.service.notifying_bucket(source.bucket, theirs, [EVENTS[1]])
    before = source.service.configuration(source.bucket)["QueueConfigurations"]
    intake = FakeIntake()
    changes: dict[str, Any] = {"configure": True, "events": ["Put"], "prefix": "in/"}
    for _ in range(2):
        async with source.running(intake, **changes) as task:
            assert not task.done(), task.exception()
        after = source.service.configuration(source.bucket)["QueueConfigurations"]
        assert after[: len(before)] == before
        (ours,) = after[len(before) :]
        assert (ours["Id"], ours["Events"]) == (source.binding.trigger, ["s3:ObjectCreated:Put"])
    async with source.running(intake, **changes):
        source.service.put(source.bucket, "out/a")
        source.service.put(source.bucket, "in/a")
        await until(lambda: intake.accepted, WITHIN_S)
        await source.until_empty()
    assert keys_of(source.event(intake)) == ["in%2Fa"]


async def test_a_bucket_that_is_pushed_for_is_told_too(source: Source) -> None:
    source.service.bucket(source.bucket)
    topic = source.service.sns.create_topic(Name="sluice")["TopicArn"]
    changes = {"queue_url": "", "endpoint": "", "configure": True, "target_arn": topic, "bucket_endpoint": source.cable.endpoint}
    trigger = KIND.build(source.binding, source.settings(**changes))
    assert isinstance(trigger, PushedTrigger)
    async with source.running(FakeIntake(), **changes) as task:
        assert not task.done(), task.exception()
    (ours,) = source.service.configuration(source.bucket)["TopicConfigurations"]
    assert ours["TopicArn"] == topic


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queue_url": "http://127.0.0.1:5000/123456789012/no-such-queue"}, "queue_url"),
        ({"configure": True, "bucket": "no-such-bucket"}, "bucket: "),
        ({"tls_ca": "/no/such/file"}, "tls_ca"),
    ],
)
async def test_what_only_a_changed_setting_helps_is_refused_by_name(source: Source, changes: dict[str, Any], said: str) -> None:
    refused = await source.fails(**changes)
    assert isinstance(refused, SourceRefused), refused
    assert said in str(refused)
    assert source.moto.secret_key not in str(refused)


async def test_nobody_there_is_a_lost_source(source: Source) -> None:
    source.cable.cut()
    lost = await source.fails()
    assert isinstance(lost, SourceLost)
    assert source.cable.endpoint in str(lost)


async def test_a_queue_that_goes_away_and_comes_back_loses_nothing(source: Source) -> None:
    intake = FakeIntake()
    numbers = [f"k{number}" for number in range(40)]
    source.service.send_all(source.queue, (whole(told(key, sequencer=key)).decode() for key in numbers[:20]))
    async with source.running(intake, prefetch=100) as task:
        await until(lambda: len(intake.accepted) == 20, WITHIN_S)
        intake.hold()
        source.service.send_all(source.queue, (whole(told(key, sequencer=key)).decode() for key in numbers[20:]))
        await until(lambda: intake.waiting_records > 0, WITHIN_S)
        source.cable.cut()
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    source.cable.mend()
    intake.let_flow()
    async with source.running(intake):
        await until(lambda: {record.key for record in intake.accepted} == {key.encode() for key in numbers}, WITHIN_S)
        await source.until_empty()


async def test_a_message_is_kept_given_back_and_forgotten(source: Source) -> None:
    source.service.send(source.queue, "hello")
    queue = AiobotocoreQueue(source.settings())
    await queue.open()
    try:
        (first,) = await queue.receive(10)
        assert (first.body, first.receives) == ("hello", 1)
        await queue.keep([first.receipt])
        await queue.give_back([first.receipt])
        (again,) = await queue.receive(10)
        assert (again.body, again.receives) == ("hello", 2)
        await queue.forget([again.receipt, "no such receipt"])
        await source.until_empty()
    finally:
        await queue.close()


@contextlib.asynccontextmanager
async def reading(intake: FakeIntake, given: dict[str, Any]) -> AsyncIterator["asyncio.Task[None]"]:
    """A trigger of the queue of our own that is ready, or has ended."""
    ready = asyncio.Event()
    binding = Binding("t1", "p1", "OBS", "obs", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
    task = asyncio.create_task(KIND.build(binding, msgspec.convert(given, ObsSettings)).run(intake, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
    waiting.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def ended(given: dict[str, Any]) -> BaseException | None:
    async with reading(FakeIntake(), given) as task:
        await asyncio.wait({task}, timeout=WITHIN_S)
        return task.exception()


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[FakeSqs]:
    service = FakeSqs(free_port_run(1), tls)
    service.start()
    service.send_all([whole(told("k")).decode()])
    try:
        yield service
    finally:
        service.kill()


@pytest.fixture
def service() -> Iterator[FakeSqs]:
    with serving() as made:
        yield made


async def until_key(given: dict[str, Any]) -> None:
    intake = FakeIntake()
    async with reading(intake, given):
        await until(lambda: [record.key for record in intake.accepted] == [b"k"], WITHIN_S)


async def test_changed_keys_are_refused_until_the_trigger_has_them_too(service: FakeSqs) -> None:
    service.secret_key = "rotated"
    for before in (service.settings(secret_key="before"), service.settings(access_key="nobody")):
        refused = await ended(before)
        assert isinstance(refused, SourceRefused), refused
        assert "access_key, secret_key" in str(refused)
        assert "before" not in str(refused)
    await until_key(service.settings())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("QueueDoesNotExist"), SourceRefused),
        (Fault("AccessDenied", 403), SourceRefused),
        (Fault("InternalError", 500), SourceLost),
        (Fault("RequestThrottled", 400), SourceLost),
        (Fault("AWS.SimpleQueueService.UnsupportedOperation"), SourceRefused),
    ],
)
async def test_an_answer_that_is_an_error_ends_the_run_as_what_helps_against_it(
    service: FakeSqs, fault: Fault, error: type[Exception]
) -> None:
    service.faults.append(("receive_message", fault))
    assert isinstance(await ended(service.settings()), error)


async def test_a_service_that_comes_back_with_what_it_held_is_read_on_without_loss(service: FakeSqs) -> None:
    intake = FakeIntake()
    for number in range(3):
        async with reading(intake, service.settings()) as task:
            service.send_all(whole(told(f"{number}-{each}", sequencer=f"{number}-{each}")).decode() for each in range(200))
            await until(lambda: len(intake.accepted) > 200 * number, WITHIN_S)  # noqa: B023 - awaited before the loop goes on
            await asyncio.to_thread(service.kill)
            await asyncio.wait({task}, timeout=WITHIN_S)
            assert isinstance(task.exception(), SourceLost)
        service.start()
    async with reading(intake, service.settings()):
        await until(lambda: len({record.id for record in intake.accepted}) == 601, WITHIN_S)
        await until(lambda: service.left == 0, WITHIN_S)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[FakeSqs]:
    """Behind TLS."""
    (tmp_path / "server.pem").write_bytes(b"".join(authority.issue("localhost")))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    with serving(context) as made:
        yield made


@pytest.mark.parametrize("form", ["path", "text"])
async def test_an_authority_of_our_own_is_trusted(secure: FakeSqs, authority: Authority, tmp_path: Path, form: str) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    await until_key(secure.settings(tls_ca=str(tmp_path / "ca.pem") if form == "path" else authority.certificate.decode()))


async def test_a_service_that_is_not_trusted_is_refused_by_its_setting(secure: FakeSqs) -> None:
    for trusted in ("", Authority().certificate.decode()):
        refused = await ended(secure.settings(tls_ca=trusted))
        assert isinstance(refused, SourceRefused), refused
        assert "tls_ca" in str(refused)


async def test_a_changed_authority_is_read_at_the_next_start(secure: FakeSqs, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority().certificate)
    assert isinstance(await ended(secure.settings(tls_ca=str(file))), SourceRefused)
    file.write_bytes(authority.certificate)
    await until_key(secure.settings(tls_ca=str(file)))
