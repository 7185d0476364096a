"""Settings: FunctionGraph's names, every fault by name."""

import json

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_kafka.settings import KafkaSettings

LEAST = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"]}


def decode(**changes: object) -> KafkaSettings:
    return msgspec.json.decode(json.dumps(LEAST | changes), type=KafkaSettings)


def faults(**changes: object) -> Invalid:
    with pytest.raises(Invalid) as caught:
        decode(**changes)
    return caught.value


def test_an_address_and_a_topic_are_enough() -> None:
    settings = decode()
    assert settings.servers == ["127.0.0.1:9092"]
    assert settings.batch_size == 1
    assert settings.start_position == "latest"
    assert settings.isolation == "read_committed"
    assert settings.protocol == "PLAINTEXT"


def test_functiongraphs_own_example_is_taken() -> None:
    settings = decode(instance_id="81335d56", batch_size=100, kafka_user="u", kafka_password="p", kafka_ssl_enable=True)
    assert settings.protocol == "SASL_SSL"


@pytest.mark.parametrize(
    ("changes", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"kafka_user": "u", "kafka_password": "p"}, "SASL_PLAINTEXT"),
        ({"kafka_user": "u", "kafka_password": "p", "kafka_ssl_enable": True}, "SASL_SSL"),
        ({"kafka_ssl_enable": True, "tls_ca": "/ca.pem"}, "SSL"),
        ({"kafka_ssl_enable": True, "tls_certificate": "/c.pem", "tls_key": "/k.pem"}, "SSL"),
    ],
)
def test_login_and_encryption_choose_the_protocol(changes: dict[str, object], protocol: str) -> None:
    assert decode(**changes).protocol == protocol


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("no_such_key", 1),
        ("topic_ids", []),
        ("topic_ids", "orders"),
        ("batch_size", 0),
        ("batch_size", 1001),
        ("batch_size", "10"),
        ("sasl_mechanism", "GSSAPI"),
        ("start_position", "yesterday"),
        ("position_lost", "ignore"),
        ("isolation", "none"),
        ("metadata", "yes"),
        ("max_fetch_bytes", 10),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=key):
        decode(**{key: value})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(msgspec.ValidationError, match="topic_ids"):
        msgspec.json.decode(b'{"kafka_connect_address": "a:1"}', type=KafkaSettings)


@pytest.mark.parametrize("address", ["", "broker", "broker:", "broker:0", "broker:65536", "a:1,,b:2", "kafka://a:1", "a:1 b:2"])
def test_an_address_is_host_and_port(address: str) -> None:
    assert [fault.field for fault in faults(kafka_connect_address=address).faults] == ["kafka_connect_address"]


def test_addresses_may_be_many_and_of_any_family() -> None:
    assert decode(kafka_connect_address="a.example:9092, [::1]:9093,10.0.0.1:1").servers == ["a.example:9092", "[::1]:9093", "10.0.0.1:1"]


@pytest.mark.parametrize("topic", ["", ".", "..", "a b", "a/b", "x" * 250])
def test_a_topic_has_kafkas_letters(topic: str) -> None:
    assert faults(topic_ids=[topic]).faults[0].field == "topic_ids"


def test_a_topic_is_named_once() -> None:
    assert faults(topic_ids=["a", "a"]).faults[0].field == "topic_ids"


def test_encryption_without_a_login_is_functiongraphs_fault() -> None:
    assert faults(kafka_ssl_enable=True).code == "FSS.1113"
    assert faults(kafka_user="u").code == "FSS.1113"


def test_a_timestamp_goes_with_its_start_position() -> None:
    assert decode(start_position="timestamp", start_timestamp=1).start_timestamp == 1
    assert faults(start_position="timestamp").faults[0].field == "start_timestamp"
    assert faults(start_timestamp=1).faults[0].field == "start_timestamp"


def test_all_faults_come_at_once() -> None:
    found = faults(kafka_connect_address="nowhere", topic_ids=["a b"], tls_key="/k.pem")
    assert {fault.field for fault in found.faults} == {"kafka_connect_address", "topic_ids", "tls_key"}
    assert found.code == "FSS.0400"


def test_the_password_is_not_shown() -> None:
    settings = decode(kafka_user="u", kafka_password="very-secret", kafka_ssl_enable=True, tls_key="/k", tls_certificate="/c")
    assert "very-secret" not in repr(settings)
