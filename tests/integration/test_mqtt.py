"""The mqtt trigger and a real server that refuses, goes away, or gives the same again."""

import asyncio
import contextlib
import json
import resource
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice_mqtt import KIND
from sluice_mqtt.settings import MqttSettings
from tests.conformance.intake import FakeIntake
from tests.mqtt import Publisher, answered
from tests.servers import Mosquitto
from tests.waiting import until

WITHIN_S = 30.0


class Source:
    """A topic as a test sees it: settings that name it, and a way to publish to it."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.mosquitto = mosquitto
        self.publisher = Publisher(mosquitto)
        self.topic = f"jobs/{secrets.token_hex(4)}"
        self.binding = Binding(f"t-{secrets.token_hex(4)}", "p1", "IOTDA", "mqtt", "urn:fss:r:p1:function:default:f:latest", b"{}")

    def settings(self, **changes: object) -> MqttSettings:
        least = {
            "connect_address": self.mosquitto.address,
            "topics": [f"{self.topic}/#"],
            "access_user": self.mosquitto.username,
            "access_password": self.mosquitto.password,
        }
        return msgspec.json.decode(json.dumps(least | changes), type=MqttSettings)

    async def publish(self, *payloads: bytes, level: str = "a", **more: Any) -> None:
        await asyncio.to_thread(self.publisher.publish, f"{self.topic}/{level}", *payloads, **more)

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

    def event(self, record: Record, **changes: object) -> Any:
        return json.loads(KIND.shape(self.binding, self.settings(**changes), [record]))


def payloads(intake: FakeIntake) -> list[bytes | None]:
    return [record.value for record in intake.accepted]


def numbered(first: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, end)]


@pytest.fixture
def source(mosquitto: Mosquitto) -> Source:
    return Source(mosquitto)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_session_keeps_what_comes_while_the_trigger_is_away(source: Source, protocol: str) -> None:
    intake = FakeIntake()
    async with source.running(intake, protocol=protocol):
        pass
    await source.publish(*numbered(0, 300))
    async with source.running(intake, protocol=protocol):
        await until(lambda: len(intake.accepted) >= 300, WITHIN_S)
    assert payloads(intake) == numbered(0, 300)
    assert {record.source for record in intake.accepted} == {f"sluice-{source.binding.trigger}"}


async def test_without_an_expiry_each_session_is_a_new_one(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, session_expiry_s=0):
        pass
    await source.publish(b"gone")
    async with source.running(intake, session_expiry_s=0):
        await source.publish(b"1")
        await until(lambda: payloads(intake) == [b"1"], WITHIN_S)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_every_quality_of_service_comes_in_order_and_once(source: Source, qos: int, protocol: str) -> None:
    intake = FakeIntake()
    async with source.running(intake, qos=qos, protocol=protocol):
        await source.publish(*numbered(0, 1000), qos=qos)
        await until(lambda: len(intake.accepted) >= 1000, WITHIN_S)
    assert payloads(intake) == numbered(0, 1000)


async def test_a_message_of_quality_two_is_answered_after_its_outcome_and_comes_again_before(source: Source) -> None:
    client = f"sluice-{source.binding.trigger}"
    intake = FakeIntake()
    async with source.running(intake, qos=2):
        intake.hold()
        await source.publish(b"1", qos=2)
        await intake.until(lambda: intake.waiting_records > 0, WITHIN_S)
        assert answered(source.mosquitto, client) == 0
    intake.let_flow()
    async with source.running(intake, qos=2, metadata=True):
        await until(lambda: answered(source.mosquitto, client) == 1, WITHIN_S)
    (record,) = intake.accepted
    assert source.event(record, metadata=True)["metadata"]["duplicate"] is True


async def test_tls_with_and_without_a_certificate_of_our_own(source: Source) -> None:
    trusted: dict[str, object] = {
        "connect_address": source.mosquitto.secure,
        "ssl_enable": True,
        "tls_ca": str(source.mosquitto.tls_dir / "ca.pem"),
    }
    certificate = {
        "tls_certificate": (source.mosquitto.tls_dir / "client.pem").read_text(),
        "tls_key": (source.mosquitto.tls_dir / "client.key").read_text(),
    }
    intake = FakeIntake()
    for count, options in enumerate((trusted, trusted | certificate), 1):
        async with source.running(intake, **options):
            await source.publish(b"x" * 100_000)
            await intake.until(lambda expected=count: len(intake.accepted) == expected, WITHIN_S)  # type: ignore[misc]  # bound now


async def test_a_server_that_is_not_trusted_is_refused(source: Source) -> None:
    refused = await source.fails(connect_address=source.mosquitto.secure, ssl_enable=True)
    assert isinstance(refused, SourceRefused)
    assert "TLS" in str(refused)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"access_password": "wrong-password"}, "refused the login: "),
        ({"access_user": "", "access_password": ""}, "refused the login: "),
    ],
)
async def test_a_login_that_is_refused_says_so(source: Source, protocol: str, changes: dict[str, object], said: str) -> None:
    refused = await source.fails(protocol=protocol, **changes)
    assert isinstance(refused, SourceRefused), refused
    assert said in str(refused)
    assert "wrong-password" not in str(refused)


async def test_a_filter_that_the_server_does_not_bear_is_refused(source: Source) -> None:
    refused = await source.fails(topics=["/".join("a" * 300)])
    assert isinstance(refused, SourceRefused), refused
    assert "malformed packet" in str(refused)


async def test_nobody_there_is_a_lost_source_and_the_next_server_is_tried(source: Source) -> None:
    lost = await source.fails(connect_address="127.0.0.1:1")
    assert isinstance(lost, SourceLost)
    assert "127.0.0.1:1" in str(lost)
    async with source.running(FakeIntake(), connect_address=f"127.0.0.1:1,{source.mosquitto.address}") as task:
        assert not task.done()


async def test_who_takes_the_session_over_ends_the_run(source: Source) -> None:
    async with source.running(FakeIntake()) as task, source.running(FakeIntake()):
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_kept_messages_come_at_the_first_subscription_only(source: Source, protocol: str) -> None:
    await source.publish(b"kept", retain=True)
    intake = FakeIntake()
    async with source.running(intake, protocol=protocol):
        await until(lambda: payloads(intake) == [b"kept"], WITHIN_S)
    async with source.running(intake, protocol=protocol):
        await source.publish(b"1")
        await until(lambda: payloads(intake) == [b"kept", b"1"], WITHIN_S)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_kept_messages_can_be_ignored_and_new_ones_that_will_be_kept_come(source: Source, protocol: str) -> None:
    await source.publish(b"kept", retain=True)
    intake = FakeIntake()
    async with source.running(intake, protocol=protocol, retained="ignore"):
        await source.publish(b"1", retain=True)
        await until(lambda: payloads(intake) == [b"1"], WITHIN_S)


async def test_what_a_former_subscription_brings_is_dropped(source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, topics=[f"{source.topic}/old", f"{source.topic}/new"]):
        pass
    await source.publish(b"old", level="old")
    await source.publish(b"new", level="new")
    async with source.running(intake, topics=[f"{source.topic}/new"]):
        await source.publish(b"1", level="new")
        await until(lambda: payloads(intake) == [b"new", b"1"], WITHIN_S)
        await until(lambda: answered(source.mosquitto, f"sluice-{source.binding.trigger}") == 3, WITHIN_S)


async def test_user_properties_name_trace_and_describe_a_message(source: Source) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    intake = FakeIntake()
    async with source.running(intake, id_property="id", metadata=True):
        await source.publish(
            b"21.5",
            ContentType="text/plain",
            ResponseTopic="r",
            CorrelationData=b"\xff",
            UserProperty=[("id", "m-1"), ("traceparent", trace)],
        )
        await until(lambda: len(intake.accepted) == 1, WITHIN_S)
    (record,) = intake.accepted
    assert (record.id, record.trace) == ("m-1", trace)
    assert source.event(record)["metadata"] == {
        "topic": f"{source.topic}/a",
        "qos": 1,
        "retained": False,
        "duplicate": False,
        "content_type": "text/plain",
        "response_topic": "r",
        "correlation_data": "data:application/octet-stream;base64,/w==",
        "user_properties": [["id", "m-1"], ["traceparent", trace]],
    }


@pytest.mark.parametrize(("protocol", "qos"), [("5", 1), ("5", 2), ("3.1.1", 1)])
async def test_a_server_that_is_killed_and_comes_back_loses_nothing(source: Source, protocol: str, qos: int) -> None:
    intake = FakeIntake()
    changes: dict[str, object] = {"protocol": protocol, "qos": qos}
    async with source.running(intake, **changes) as task:
        await source.publish(*numbered(0, 50), qos=qos)
        await until(lambda: len(intake.accepted) == 50, WITHIN_S)
        intake.hold()
        await source.publish(*numbered(50, 100), qos=qos)
        await until(lambda: intake.waiting_records == 50, WITHIN_S)
        await saved(source.mosquitto)
        await asyncio.to_thread(source.mosquitto.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(source.mosquitto.start)
    intake.let_flow()
    async with source.running(intake, **changes):
        await until(lambda: set(payloads(intake)) == set(numbered(0, 100)), WITHIN_S)


async def saved(mosquitto: Mosquitto) -> None:
    """Until the server has written its store once more: it does so after its changes, not before it acknowledges them."""
    await asyncio.to_thread(Publisher(mosquitto).publish, "other/topic", b"a change", b"and another", retain=True)
    before = mosquitto.saved_ns
    await asyncio.to_thread(Publisher(mosquitto).publish, "other/topic", b"the last", b"change", retain=True)
    await until(lambda: mosquitto.saved_ns > before, WITHIN_S)


class Sessions:
    """Who reads which session, as the ledger's claims say it to all processes."""

    def __init__(self) -> None:
        self.held: dict[str, asyncio.Lock] = {}


class SharingIntake(FakeIntake):
    """The intake of one of several processes."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self._sessions = sessions

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        await self._sessions.held.setdefault(source, asyncio.Lock()).acquire()
        return Claim(SourceKey("trigger", "1", source), 1, None)

    def release(self, claim: Claim) -> None:
        self._sessions.held[claim.key.source].release()


async def test_two_replicas_share_a_subscription_and_each_message_comes_once(source: Source) -> None:
    sessions = Sessions()
    one, other = SharingIntake(sessions), SharingIntake(sessions)
    async with source.running(one, replicas=2), source.running(other, replicas=2):
        await source.publish(*numbered(0, 1000))
        await until(lambda: len(one.accepted) + len(other.accepted) >= 1000, WITHIN_S)
    assert sorted([*payloads(one), *payloads(other)], key=lambda value: int(value or b"")) == numbered(0, 1000)
    assert one.accepted
    assert other.accepted


async def test_a_session_whose_process_has_gone_is_read_by_the_other(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_mqtt.trigger.ADOPT_S", 0.5)
    sessions = Sessions()
    one, other = SharingIntake(sessions), SharingIntake(sessions)
    async with source.running(one, replicas=2):
        async with source.running(other, replicas=2):
            other.hold()
            one.hold()
            await source.publish(*numbered(0, 100))
            await until(lambda: one.waiting_records + other.waiting_records == 100, WITHIN_S)
        one.let_flow()
        await until(lambda: len(one.accepted) >= 100, WITHIN_S)
    assert set(payloads(one)) == set(numbered(0, 100))


async def test_one_session_is_read_by_one_process_while_the_other_stands_by(source: Source) -> None:
    sessions = Sessions()
    one, other = SharingIntake(sessions), SharingIntake(sessions)
    async with source.running(one) as first:
        standing_by = asyncio.create_task(KIND.build(source.binding, source.settings()).run(other, lambda: None))
        await source.publish(b"1")
        await until(lambda: payloads(one) == [b"1"], WITHIN_S)
        assert not first.done()
        first.cancel()
        await asyncio.wait({first})
        await source.publish(b"2")
        await until(lambda: payloads(other) == [b"2"], WITHIN_S)
        standing_by.cancel()
        await asyncio.wait({standing_by})


@pytest.fixture
def roomy(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Source]:
    """A server of its own that does not write a long queue anew at every change."""
    server = Mosquitto(tmp_path / "mosquitto", saved_every_s=1800)
    server.start()
    yield Source(server)
    server.kill()


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_burst_while_the_mesh_is_full_waits_at_the_server(roomy: Source, qos: int) -> None:
    """Of 50,000 messages the window is here and the rest there. What quality 0 cannot keep at all, the server drops."""
    most = 100
    intake = FakeIntake()
    async with roomy.running(intake, prefetch=most, qos=qos):
        intake.hold()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await asyncio.to_thread(
            roomy.publisher.publish_all, ((f"{roomy.topic}/a", b"%06d" % number + b"." * 500) for number in range(50_000))
        )
        await until(lambda: intake.waiting_records == most, WITHIN_S)
        assert len(intake.hand_overs) == most
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 * 1024
        intake.let_flow()
        if qos:
            await until(lambda: len(intake.accepted) == 50_000, 60)
            assert intake.most_records == most
            assert [int((value or b"")[:6]) for value in payloads(intake)] == list(range(50_000))
        else:
            await until(lambda: len(intake.accepted) > most, WITHIN_S)
            assert intake.most_records == most
