"""What the mesh is told of the kind."""

import builtins
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice_rabbitmq import KIND
from sluice_rabbitmq.settings import RabbitSettings

BINDING = Binding("t1", "p1", "RABBITMQ", "rabbitmq", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> RabbitSettings:
    return RabbitSettings(**({"connect_address": "a:1,b:2", "exchange_name": "jobs", "access_password": "p"} | changes))


def test_it_serves_functiongraphs_type_and_creates_it_active() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled) == ("rabbitmq", ("RABBITMQ",), frozenset())


@pytest.mark.parametrize("changes", [{"connect_address": "c:1"}, {"vhost": "v"}, {"queue_name": "q"}, {"exchange_name": "e"}])
def test_another_queue_is_another_source(changes: dict[str, str]) -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(**changes))


def test_the_same_queue_is_the_same_source_whatever_else_changes() -> None:
    assert KIND.source_of(settings()) == KIND.source_of(settings(connect_address="b:2, a:1", access_password="new", batch_size=5))


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("pika", "sluice_rabbitmq.queue_pika")):
            raise ModuleNotFoundError("No module named 'pika'", name="pika")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'pika: pip install "sluice\[rabbitmq\]"'):
        KIND.build(BINDING, settings())
