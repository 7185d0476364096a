"""The rocketmq trigger and a real server that refuses, goes away, or gives the same again."""

import asyncio
import contextlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice_rocketmq import KIND
from sluice_rocketmq.broker import Message
from sluice_rocketmq.broker_grpc import GrpcBroker
from sluice_rocketmq.settings import RocketSettings
from tests.certificates import Authority
from tests.conformance.intake import FakeIntake
from tests.rocketmq import Sent, Topic, set_key
from tests.servers import RocketMq
from tests.waiting import until

WITHIN_S = 60.0


class Source:
    """A topic and a group as a test sees them: settings that name them, and a way to fill it."""

    def __init__(self, rocketmq: RocketMq, *, queues: int = 1, ordered: bool = False) -> None:
        self.rocketmq = rocketmq
        self.topic = Topic(rocketmq, queues=queues, ordered=ordered)
        self.binding = Binding(f"t-{secrets.token_hex(4)}", "p1", "ROCKETMQ", "rocketmq", "urn:fss:r:p1:function:default:f:latest", b"{}")

    def settings(self, **changes: object) -> RocketSettings:
        least = {
            "endpoints": self.rocketmq.address,
            "topic": self.topic.name,
            "consumer_group": self.topic.group,
            "enable_acl": True,
            "access_key": self.rocketmq.access_key,
            "secret_key": self.rocketmq.secret_key,
        }
        return msgspec.json.decode(json.dumps(least | changes), type=RocketSettings)

    async def publish(self, *bodies: bytes, **more: object) -> None:
        await asyncio.to_thread(self.topic.publish, *bodies, **more)

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
def source(rocketmq: RocketMq) -> Source:
    return Source(rocketmq)


def values(intake: FakeIntake) -> list[bytes | None]:
    return [record.value for record in intake.accepted]


async def test_a_group_keeps_what_comes_while_the_trigger_is_away(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake):
        pass
    await source.publish(b"1", b"2")
    async with source.running(intake):
        await until(lambda: sorted(values(intake), key=str) == [b"1", b"2"], WITHIN_S)


async def test_only_the_tags_that_are_asked_for_come(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, filter_expression="new || paid"):
        await asyncio.to_thread(source.topic.send, [Sent(b"no", tag="old"), Sent(b"1", tag="new"), Sent(b"none"), Sent(b"2", tag="paid")])
        await until(lambda: values(intake) == [b"1", b"2"], WITHIN_S)


async def test_only_what_a_condition_on_properties_is_true_for_comes(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, filter_type="SQL92", filter_expression="price > 10", metadata=True):
        messages = [Sent(b"no", properties={"price": "9"}), Sent(b"1", properties={"price": "11", "colour": "red"}, tag="t", keys="k l")]
        await asyncio.to_thread(source.topic.send, messages)
        await until(lambda: values(intake) == [b"1"], WITHIN_S)
    event = json.loads(KIND.shape(source.binding, source.settings(metadata=True), intake.accepted))
    (told,) = event["records"][0]["metadata"]
    assert (told["properties"], told["tag"], told["keys"], told["attempt"]) == ({"price": "11", "colour": "red"}, "t", ["k", "l"], 1)


async def test_several_topics_are_read_at_once(rocketmq: RocketMq, source: Source) -> None:
    other, intake = Topic(rocketmq), FakeIntake()
    async with source.running(intake, topic="", topic_ids=[source.topic.name, other.name]):
        await source.publish(b"1")
        await asyncio.to_thread(other.publish, b"2")
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
    assert {(record.source, record.value) for record in intake.accepted} == {(source.topic.name, b"1"), (other.name, b"2")}


async def test_tls_with_and_without_a_certificate_of_our_own(source: Source) -> None:
    folder = source.rocketmq.tls_dir
    trusted: dict[str, object] = {"ssl_enable": True, "tls_ca": str(folder / "ca.pem")}
    own = {"tls_certificate": (folder / "client.pem").read_text(), "tls_key": (folder / "client.key").read_text()}
    for options in (trusted, trusted | own):
        intake = FakeIntake()
        async with source.running(intake, **options):
            await source.publish(b"1")
            await until(lambda: len(intake.accepted) == 1, WITHIN_S)  # noqa: B023 - awaited before the loop goes on


async def test_a_changed_file_of_authorities_counts_from_the_next_connection(source: Source, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(Authority().certificate)
    refused = await source.fails(ssl_enable=True, tls_ca=str(trusted))
    assert isinstance(refused, SourceRefused)
    assert "tls_ca" in str(refused)
    shutil.copy(source.rocketmq.tls_dir / "ca.pem", trusted)
    async with source.running(FakeIntake(), ssl_enable=True, tls_ca=str(trusted)) as task:
        assert not task.done()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret_key": "wrong-secret"}, "secret_key"),
        ({"access_key": "nobody"}, "access_key"),
        ({"enable_acl": False, "access_key": "", "secret_key": ""}, "access_key"),
        ({"topic": "no-such-topic"}, "no-such-topic"),
        ({"consumer_group": "no-such-group"}, "consumer_group"),
        ({"filter_type": "SQL92", "filter_expression": "price >"}, "filter_expression"),
    ],
)
async def test_what_only_a_changed_setting_helps_is_refused_by_name(source: Source, changes: dict[str, object], said: str) -> None:
    refused = await source.fails(**changes)
    assert isinstance(refused, SourceRefused), refused
    assert said in str(refused)
    assert "wrong-secret" not in str(refused)


async def test_a_key_whose_secret_is_changed_at_the_server_is_refused_until_the_setting_is_changed_too(source: Source) -> None:
    key = f"key-{secrets.token_hex(4)}"
    await asyncio.to_thread(set_key, source.rocketmq, key, "first-secret")
    async with source.running(FakeIntake(), access_key=key, secret_key="first-secret") as task:
        await asyncio.to_thread(set_key, source.rocketmq, key, "second-secret")
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)
        assert "secret_key" in str(task.exception())
    async with source.running(FakeIntake(), access_key=key, secret_key="second-secret") as task:
        assert not task.done()


async def test_nobody_there_is_a_lost_source_and_the_next_proxy_is_tried(source: Source) -> None:
    lost = await source.fails(endpoints=f"{source.rocketmq.host}:1")
    assert isinstance(lost, SourceLost)
    assert f"{source.rocketmq.host}:1" in str(lost)
    async with source.running(FakeIntake(), endpoints=f"{source.rocketmq.host}:1,{source.rocketmq.address}") as task:
        assert not task.done()


@pytest.mark.parametrize("ordered", [False, True])
async def test_what_was_not_accepted_is_given_back_at_once(rocketmq: RocketMq, ordered: bool) -> None:
    source, intake = Source(rocketmq, ordered=ordered), FakeIntake()
    bodies = [b"%d" % number for number in range(10)]
    async with source.running(intake, invisible_s=3600):
        intake.hold()
        await source.publish(*bodies, group="g" if ordered else "")
        await intake.until(lambda: intake.waiting_records > 0, WITHIN_S)
    intake.let_flow()
    async with source.running(intake, invisible_s=3600):
        await until(lambda: len(intake.accepted) >= len(bodies), WITHIN_S)
    assert (values(intake) if ordered else sorted(values(intake), key=str)) == bodies


async def test_a_message_that_waits_longer_than_it_is_hidden_does_not_come_to_another_member(source: Source) -> None:
    intake, other = FakeIntake(), GrpcBroker(source.settings(), source.topic.group)
    async with source.running(intake, invisible_s=10, prefetch=1):
        intake.hold()
        await source.publish(b"waits")
        await intake.until(lambda: intake.waiting_records == 1, WITHIN_S)
        # Beside it, another member leaves a message lie: when that one comes again, the time is over for both.
        (place,) = await other.open()
        await source.publish(b"canary")
        seen: list[Message] = []
        async with asyncio.timeout(WITHIN_S):
            while len(seen) < 2:
                seen += await other.receive(place, 10, 10)
        await other.close()
        assert [(message.body, message.attempt) for message in seen] == [(b"canary", 1), (b"canary", 2)]
        intake.let_flow()
        await until(lambda: b"waits" in values(intake), WITHIN_S)
    assert len([record for _, record in intake.hand_overs if record.value == b"waits"]) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ordered", [False, True])
async def test_a_server_that_is_killed_and_comes_back_loses_nothing(rocketmq: RocketMq, ordered: bool) -> None:
    source, intake = Source(rocketmq, ordered=ordered), FakeIntake()
    bodies = [b"%d" % number for number in range(100)]
    group = "g" if ordered else ""
    async with source.running(intake, invisible_s=10) as task:
        await source.publish(*bodies[:50], group=group)
        await until(lambda: len(intake.accepted) == 50, WITHIN_S)
        intake.hold()
        await source.publish(*bodies[50:], group=group)
        await intake.until(lambda: intake.waiting_records > 0, WITHIN_S)
        await asyncio.to_thread(source.rocketmq.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(source.rocketmq.start)
    intake.let_flow()
    while len(set(values(intake))) < len(bodies):
        async with source.running(intake, invisible_s=10) as task:
            if not task.done():
                await until(lambda: task.done() or len(set(values(intake))) == len(bodies), WITHIN_S)
    first = list(dict.fromkeys(values(intake)))
    assert (first if ordered else sorted(first, key=lambda value: int(value or b"0"))) == bodies
