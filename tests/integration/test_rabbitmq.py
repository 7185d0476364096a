"""The rabbitmq trigger and a real node that refuses, goes away, or gives the same again."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice_rabbitmq import KIND
from sluice_rabbitmq.settings import RabbitSettings
from tests.conformance.intake import FakeIntake
from tests.rabbitmq import Publisher
from tests.servers import RabbitMq
from tests.waiting import until

WITHIN_S = 30.0


class Source:
    """An exchange as a test sees it: settings that name it, and a way to fill it."""

    def __init__(self, rabbitmq: RabbitMq) -> None:
        self.rabbitmq = rabbitmq
        self.publisher = Publisher(rabbitmq, f"jobs-{secrets.token_hex(4)}")
        self.binding = Binding(f"t-{secrets.token_hex(4)}", "p1", "RABBITMQ", "rabbitmq", "urn:fss:r:p1:function:default:f:latest", b"{}")

    def settings(self, **changes: object) -> RabbitSettings:
        least = {
            "connect_address": self.rabbitmq.address,
            "exchange_name": self.publisher.exchange,
            "access_user": self.rabbitmq.username,
            "access_password": self.rabbitmq.password,
            "vhost": self.rabbitmq.vhost,
        }
        return msgspec.json.decode(json.dumps(least | changes), type=RabbitSettings)

    async def publish(self, *bodies: bytes, **more: Any) -> None:
        await asyncio.to_thread(self.publisher.publish, *bodies, **more)

    @contextlib.asynccontextmanager
    async def running(self, intake: FakeIntake, **changes: object) -> AsyncIterator["asyncio.Task[None]"]:
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

    async def fails(self, **changes: object) -> BaseException | None:
        """What a run ends with by itself."""
        async with self.running(FakeIntake(), **changes) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            return task.exception()


@pytest.fixture
def source(rabbitmq: RabbitMq) -> Source:
    return Source(rabbitmq)


async def test_a_queue_is_declared_for_the_trigger_and_keeps_what_comes_while_it_is_away(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake):
        pass
    await source.publish(b"1", b"2")
    async with source.running(intake):
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
    assert {record.source for record in intake.accepted} == {f"sluice-{source.binding.trigger}"}


async def test_a_queue_of_somebody_else_is_read_as_it_is(source: Source) -> None:
    queue = f"theirs-{secrets.token_hex(4)}"
    await asyncio.to_thread(source.publisher.declare, queue, **{"x-max-length": 5})
    await source.publish(b"1")
    intake = FakeIntake()
    async with source.running(intake, queue_name=queue, passive=True, exchange_name=""):
        await until(lambda: [record.value for record in intake.accepted] == [b"1"], WITHIN_S)


async def test_only_the_routing_keys_that_are_asked_for_come(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, routing_keys=["order.*", "refund"]):
        await source.publish(b"no", key="other")
        await source.publish(b"1", key="order.new")
        await source.publish(b"2", key="refund")
        await until(lambda: [record.value for record in intake.accepted] == [b"1", b"2"], WITHIN_S)


async def test_tls_with_and_without_a_certificate_of_our_own(source: Source) -> None:
    trusted: dict[str, object] = {
        "connect_address": source.rabbitmq.secure,
        "ssl_enable": True,
        "tls_ca": str(source.rabbitmq.tls_dir / "ca.pem"),
    }
    certificate = {
        "tls_certificate": (source.rabbitmq.tls_dir / "client.pem").read_text(),
        "tls_key": (source.rabbitmq.tls_dir / "client.key").read_text(),
    }
    for options in (trusted, trusted | certificate):
        intake = FakeIntake()
        async with source.running(intake, **options):
            await source.publish(b"1")
            await until(lambda: len(intake.accepted) == 1, WITHIN_S)  # noqa: B023 - awaited before the loop goes on


async def test_a_server_that_is_not_trusted_is_refused(source: Source) -> None:
    refused = await source.fails(connect_address=source.rabbitmq.secure, ssl_enable=True)
    assert isinstance(refused, SourceRefused)
    assert "TLS" in str(refused)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"access_password": "wrong-password"}, "refused the login"),
        ({"vhost": "nowhere"}, "nowhere"),
        ({"exchange_name": "no-such-exchange"}, "no-such-exchange"),
        ({"queue_name": "no-such-queue", "passive": True}, "no-such-queue"),
    ],
)
async def test_what_only_a_changed_setting_helps_is_refused_by_name(source: Source, changes: dict[str, object], said: str) -> None:
    refused = await source.fails(**changes)
    assert isinstance(refused, SourceRefused), refused
    assert said in str(refused)
    assert "wrong-password" not in str(refused)


async def test_a_queue_of_another_type_is_refused(source: Source) -> None:
    queue = f"classic-{secrets.token_hex(4)}"
    await asyncio.to_thread(source.publisher.declare, queue)
    refused = await source.fails(queue_name=queue, queue_type="quorum")
    assert isinstance(refused, SourceRefused)
    assert "x-queue-type" in str(refused)


async def test_nobody_there_is_a_lost_source_and_the_next_server_is_tried(source: Source) -> None:
    lost = await source.fails(connect_address="127.0.0.1:1")
    assert isinstance(lost, SourceLost)
    assert "127.0.0.1:1" in str(lost)
    async with source.running(FakeIntake(), connect_address=f"127.0.0.1:1,{source.rabbitmq.address}") as task:
        assert not task.done()


async def test_a_deleted_queue_ends_the_run(source: Source) -> None:
    async with source.running(FakeIntake()) as task:
        await asyncio.to_thread(source.publisher.delete, f"sluice-{source.binding.trigger}")
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)


async def test_what_was_not_accepted_comes_again_with_its_count(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, metadata=True):
        intake.hold()
        await source.publish(b"1", message_id="m-1")
        await intake.until(lambda: intake.waiting_records > 0, WITHIN_S)
    intake.let_flow()
    async with source.running(intake, metadata=True):
        await until(lambda: len(intake.accepted) == 1, WITHIN_S)
    (record,) = intake.accepted
    event = json.loads(KIND.shape(source.binding, source.settings(metadata=True), [record]))
    (told,) = event["records"][0]["metadata"]
    assert (told["redeliveries"], told["message_id"], record.id) == (1, "m-1", "m-1")


@pytest.mark.parametrize("queue_type", ["quorum", "classic"])
async def test_a_node_that_is_killed_and_comes_back_loses_nothing(source: Source, queue_type: str) -> None:
    intake = FakeIntake()
    async with source.running(intake, queue_type=queue_type):
        pass
    # A node that is killed right after a queue was declared may forget the queue: this one is on disk.
    await asyncio.to_thread(source.rabbitmq.stop)
    await asyncio.to_thread(source.rabbitmq.start)
    async with source.running(intake, queue_type=queue_type) as task:
        await source.publish(*(b"%d" % number for number in range(50)))
        await until(lambda: len(intake.accepted) == 50, WITHIN_S)
        intake.hold()
        await source.publish(*(b"%d" % number for number in range(50, 100)))
        await asyncio.to_thread(source.rabbitmq.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(source.rabbitmq.start)
    intake.let_flow()
    for _ in range(20):
        async with source.running(intake, queue_type=queue_type) as task:
            if not task.done():
                await until(lambda: len({record.value for record in intake.accepted}) == 100, WITHIN_S)
                break
            assert isinstance(task.exception(), SourceLost | SourceRefused)  # a quorum queue without a leader yet
    assert len({record.value for record in intake.accepted}) == 100
