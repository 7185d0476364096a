"""The kafka trigger and a real broker that refuses, goes away, or comes late."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice_kafka.kind import KIND
from tests.conformance.intake import FakeIntake
from tests.integration.test_kafka_source import FUNCTION, WITHIN_S, Source, values
from tests.servers import Kafka, ServerMissing, missing
from tests.waiting import until


@pytest.fixture
def source(kafka: Kafka) -> Source:
    return Source(kafka, [kafka.create_topic()])


def login(kafka: Kafka, **changes: object) -> dict[str, Any]:
    """Settings of the listener that asks for a user and password."""
    return {
        "kafka_connect_address": kafka.secure,
        "kafka_ssl_enable": True,
        "kafka_user": kafka.username,
        "kafka_password": kafka.password,
        "tls_ca": str(kafka.tls_dir / "ca.pem"),
    } | changes


def certificates(kafka: Kafka) -> dict[str, Any]:
    """Settings of the listener that asks for a certificate."""
    return {
        "kafka_connect_address": kafka.mtls,
        "kafka_ssl_enable": True,
        "tls_ca": str(kafka.tls_dir / "ca.pem"),
        "tls_certificate": str(kafka.tls_dir / "client.pem"),
        "tls_key": str(kafka.tls_dir / "client.key"),
    }


def text_of(path: str) -> str:
    return Path(path).read_text()


async def reads(source: Source, **changes: object) -> None:
    intake = FakeIntake()
    async with source.running(intake, **changes) as task:
        assert not task.done(), task.exception()
        await source.produce(b"secret")
        await until(lambda: values(intake.accepted) == [b"secret"], WITHIN_S)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_it_logs_in(kafka: Kafka, source: Source, mechanism: str) -> None:
    await reads(source, **login(kafka, sasl_mechanism=mechanism))


async def test_it_shows_its_certificate(kafka: Kafka, source: Source) -> None:
    await reads(source, **certificates(kafka))


async def test_certificates_may_be_given_as_text(kafka: Kafka, source: Source) -> None:
    await reads(source, **{key: text_of(value) if key.startswith("tls_") else value for key, value in certificates(kafka).items()})


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_named(kafka: Kafka, source: Source, mechanism: str) -> None:
    refused = await source.fails(**login(kafka, kafka_password="wrong-password", sasl_mechanism=mechanism))
    assert isinstance(refused, SourceRefused)
    assert "SaslAuthenticationFailed" in str(refused)
    assert "wrong-password" not in str(refused)


async def test_a_mechanism_that_the_broker_does_not_have_is_named(kafka: Kafka, source: Source) -> None:
    refused = await source.fails(**login(kafka, sasl_mechanism="SCRAM-SHA-256"))
    assert isinstance(refused, SourceRefused)
    assert "UnsupportedSaslMechanism" in str(refused)


async def test_a_broker_that_is_not_trusted_is_named(kafka: Kafka, source: Source) -> None:
    refused = await source.fails(**login(kafka, tls_ca=""))
    assert isinstance(refused, SourceRefused)
    assert "TLS failed" in str(refused)


async def test_a_certificate_that_is_missing_is_named(kafka: Kafka, source: Source) -> None:
    refused = await source.fails(**certificates(kafka) | {"tls_certificate": "", "tls_key": ""})
    assert isinstance(refused, SourceRefused)
    assert "TLS failed" in str(refused)


async def test_a_topic_that_does_not_exist_is_named(kafka: Kafka, source: Source) -> None:
    refused = await source.fails(topic_ids=[source.topics[0], "no-such-topic"])
    assert isinstance(refused, SourceRefused)
    assert str(refused) == "no such topic: no-such-topic"


async def test_a_topic_that_is_deleted_is_named(kafka: Kafka, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake) as task:
        await source.produce(b"1")
        await until(lambda: len(intake.accepted) == 1, WITHIN_S)
        await asyncio.to_thread(kafka.delete_topic, source.topics[0])
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)
        assert str(task.exception()) == f"no such topic: {source.topics[0]}"


async def test_a_topic_that_is_made_anew_is_read_from_its_beginning_and_gives_other_events(kafka: Kafka, source: Source) -> None:
    intake, topic = FakeIntake(), source.topics[0]
    binding = Binding(source.trigger, "p1", "KAFKA", "kafka", FUNCTION, b"{}")
    trigger = KIND.build(binding, source.settings())
    ready = asyncio.Event()
    task = asyncio.create_task(trigger.run(intake, ready.set))
    await asyncio.wait_for(ready.wait(), WITHIN_S)
    await source.produce(b"1", b"2")
    await until(lambda: len(intake.accepted) == 2, WITHIN_S)
    await asyncio.to_thread(kafka.delete_topic, topic)
    await asyncio.wait({task}, timeout=WITHIN_S)
    assert isinstance(task.exception(), SourceRefused | SourceLost)
    await asyncio.to_thread(kafka.create_topic, topic)
    await source.produce(b"3", b"4", b"5")
    task = asyncio.create_task(trigger.run(intake, ready.set))
    await until(lambda: len(intake.accepted) == 5, WITHIN_S)
    task.cancel()
    await asyncio.wait({task})
    assert [record.value for record in intake.accepted] == [b"1", b"2", b"3", b"4", b"5"]
    assert {record.source for record in intake.accepted[2:]} == {await asyncio.to_thread(kafka.source, topic)}
    assert intake.accepted[0].source != intake.accepted[2].source


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Kafka]:
    """A broker of the test's own, not yet started."""
    kafka = Kafka(tmp_path / "kafka")
    yield kafka
    if (kafka.folder / "pid").exists():
        await asyncio.to_thread(kafka.kill)


async def test_a_broker_may_come_late_die_and_come_back(other: Kafka) -> None:
    source = Source(other, ["orders"])
    lost = await source.fails()
    assert isinstance(lost, SourceLost)
    assert other.bootstrap in str(lost)
    try:
        await asyncio.to_thread(other.start)
    except ServerMissing as reason:
        missing(str(reason))
    await asyncio.to_thread(other.create_topic, "orders")
    intake = FakeIntake()
    async with source.running(intake) as task:
        await source.produce(b"1")
        await until(lambda: values(intake.accepted) == [b"1"], WITHIN_S)
        await asyncio.to_thread(other.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(other.start)
    async with source.running(intake) as task:
        await source.produce(b"2")
        await until(lambda: values(intake.accepted) == [b"1", b"2"], WITHIN_S)


async def test_cancelling_while_the_broker_is_gone_ends_in_time(other: Kafka) -> None:
    source = Source(other, ["orders"])
    try:
        await asyncio.to_thread(other.start)
    except ServerMissing as reason:
        missing(str(reason))
    await asyncio.to_thread(other.create_topic, "orders")
    async with source.running(FakeIntake()) as task:
        await asyncio.to_thread(other.kill)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=8)
        assert done
