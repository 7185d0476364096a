"""The broker that integration tests lean on does what they assume of it."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from tests.servers import Kafka, ServerMissing

ROOT = Path(__file__).resolve().parents[2]
ANSWER_S = 30.0


def produce(settings: dict[str, Any], topic: str, *values: bytes) -> None:
    producer = Producer({"log_level": 0, "acks": "all", **settings})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(ANSWER_S) == 0


def consume(settings: dict[str, Any], topic: str, count: int) -> list[bytes]:
    """The first `count` values of the topic, or fewer when they do not come in time."""
    consumer = Consumer({"log_level": 0, "group.id": f"reader-of-{topic}", "auto.offset.reset": "earliest", **settings})
    try:
        consumer.subscribe([topic])
        return [message.value() or b"" for message in consumer.consume(count, ANSWER_S)]
    finally:
        consumer.close()


def plain(kafka: Kafka) -> dict[str, Any]:
    return {"bootstrap.servers": kafka.bootstrap}


def login(kafka: Kafka, mechanism: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": kafka.secure,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(kafka.tls_dir / "ca.pem"),
        "sasl.mechanism": mechanism,
        "sasl.username": kafka.username,
        "sasl.password": kafka.password,
    }


def certificate(kafka: Kafka) -> dict[str, Any]:
    return {
        "bootstrap.servers": kafka.mtls,
        "security.protocol": "SSL",
        "ssl.ca.location": str(kafka.tls_dir / "ca.pem"),
        "ssl.certificate.location": str(kafka.tls_dir / "client.pem"),
        "ssl.key.location": str(kafka.tls_dir / "client.key"),
    }


def test_what_is_produced_is_consumed(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    produce(plain(kafka), topic, b"one", b"two")
    assert consume(plain(kafka), topic, 2) == [b"one", b"two"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_the_user_may_log_in_over_tls(kafka: Kafka, mechanism: str) -> None:
    topic = kafka.create_topic()
    produce(login(kafka, mechanism), topic, b"secret")
    assert consume(plain(kafka), topic, 1) == [b"secret"]


def test_a_client_certificate_is_accepted(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    produce(certificate(kafka), topic, b"known")
    assert consume(plain(kafka), topic, 1) == [b"known"]


def test_a_killed_broker_comes_back_with_its_data(kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=2)
    produce(plain(kafka), topic, *(b"%d" % number for number in range(100)))
    kafka.kill()
    kafka.start()
    assert sorted(consume(plain(kafka), topic, 100)) == sorted(b"%d" % number for number in range(100))


def test_a_stopped_broker_comes_back_with_its_topics(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    kafka.stop()
    kafka.start()
    produce(plain(kafka), topic, b"later")
    assert consume(plain(kafka), topic, 1) == [b"later"]


def test_a_deleted_topic_is_gone(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    kafka.delete_topic(topic)
    with pytest.raises(KafkaException) as refusal:
        kafka.delete_topic(topic)
    assert refusal.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_missing_jars_are_told_apart_from_a_broken_server(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path_factory.mktemp("empty")))
    other = Kafka(tmp_path_factory.mktemp("other"))
    with pytest.raises(ServerMissing, match="make servers"):
        other.start()


def test_a_broker_does_not_outlive_the_process_that_started_it(kafka: Kafka, tmp_path: Path) -> None:
    """However that process ends: this one skips every clean-up."""
    start_and_vanish = (
        "import os, sys; from pathlib import Path; from tests.servers import Kafka; Kafka(Path(sys.argv[1])).start(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", start_and_vanish, str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    try:
        broker = os.pidfd_open(int((tmp_path / "pid").read_text()))
    except ProcessLookupError:
        return
    ended, _, _ = select.select([broker], [], [], ANSWER_S)
    os.close(broker)
    assert ended
