"""What `event_data` of RABBITMQ may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_rabbitmq.settings import RabbitSettings

LEAST: dict[str, Any] = {"connect_address": "127.0.0.1:5672", "exchange_name": "jobs", "access_password": "secret"}


def settings(**changes: Any) -> RabbitSettings:
    return msgspec.convert(LEAST | changes, RabbitSettings)


def test_the_least_is_an_address_a_password_and_an_exchange() -> None:
    assert (settings().vhost, settings().queue_type, settings().routing_keys) == ("/", "quorum", ["#"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"connect_address": "nowhere"}, "connect_address"),
        ({"connect_address": "a:1,b:70000"}, "connect_address"),
        ({"exchange_name": ""}, "queue_name"),
        ({"passive": True}, "queue_name"),
        ({"routing_keys": []}, "routing_keys"),
        ({"tls_certificate": "/c.pem", "ssl_enable": True}, "tls_key"),
        ({"tls_ca": "/ca.pem"}, "ssl_enable"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        RabbitSettings(**(LEAST | changes))
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 0}, {"batch_size": 1001}, {"prefetch": 0}, {"queue_type": "stream"}, {"queue_name": "x" * 256}, {"no_such": 1}],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        RabbitSettings(connect_address="x", access_password="", tls_ca="/ca.pem")
    assert {fault.field for fault in refused.value.faults} == {"connect_address", "queue_name", "ssl_enable"}


def test_servers_are_tried_in_the_order_in_which_they_are_written() -> None:
    assert settings(connect_address="b:2, [::1]:5672,a:1").servers == [("b", 2), ("::1", 5672), ("a", 1)]


def test_two_batches_fit_into_the_window() -> None:
    assert settings(batch_size=500, prefetch=10).window == 1000
    assert settings(prefetch=7).window == 7


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(settings(tls_key="secret", tls_certificate="c", ssl_enable=True))
