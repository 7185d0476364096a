"""What the mesh is told of the kind."""

import builtins
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice_kafka import KIND
from sluice_kafka.settings import KafkaSettings

BINDING = Binding("t1", "p1", "KAFKA", "kafka", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> KafkaSettings:
    return KafkaSettings(**({"kafka_connect_address": "a:1,b:2", "topic_ids": ["orders"]} | changes))


def test_it_serves_both_of_functiongraphs_types_and_creates_them_disabled() -> None:
    assert KIND.name == "kafka"
    assert set(KIND.types) == {"KAFKA", "OPENSOURCEKAFKA"} == KIND.created_disabled


def test_another_cluster_is_another_source() -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(kafka_connect_address="c:1"))


def test_the_same_cluster_is_the_same_source_whatever_else_changes() -> None:
    changed = settings(kafka_connect_address="b:2, a:1", topic_ids=["orders", "returns"], batch_size=5, kafka_user="u", kafka_password="p")
    assert KIND.source_of(settings()) == KIND.source_of(changed)


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("aiokafka", "sluice_kafka.broker_aiokafka")):
            raise ModuleNotFoundError("No module named 'aiokafka'", name="aiokafka")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'aiokafka: pip install "sluice\[kafka\]"'):
        KIND.build(BINDING, settings())
