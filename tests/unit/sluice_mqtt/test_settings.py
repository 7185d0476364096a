"""What `event_data` of IOTDA may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_mqtt.settings import MqttSettings

LEAST: dict[str, Any] = {"connect_address": "127.0.0.1:1883", "topics": ["a/#"]}


def settings(**changes: Any) -> MqttSettings:
    return msgspec.convert(LEAST | changes, MqttSettings)


def test_the_least_is_an_address_and_a_topic() -> None:
    found = settings()
    assert (found.protocol, found.qos, found.resource, found.event) == ("5", 1, "device.message", "report")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"connect_address": "nowhere"}, "connect_address"),
        ({"connect_address": "a:1,b:70000"}, "connect_address"),
        ({"topics": ["a", "a/#/b"]}, "topics"),
        ({"topics": ["$share/g/a"]}, "topics"),
        ({"topic_map": [{"topic": "{x}"}]}, "topic_map[0].topic"),
        ({"share_group": "a/b"}, "share_group"),
        ({"client_id": "a+b"}, "client_id"),
        ({"access_password": "p"}, "access_user"),
        ({"id_property": "id", "protocol": "3.1.1"}, "id_property"),
        ({"tls_certificate": "/c.pem", "ssl_enable": True}, "tls_key"),
        ({"tls_ca": "/ca.pem"}, "ssl_enable"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings(**changes)
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": []},
        {"qos": 3},
        {"protocol": "4"},
        {"prefetch": 0},
        {"retained": "x"},
        {"replicas": 33},
        {"keep_alive_s": 1},
        {"no_such": 1},
    ],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        settings(connect_address="x", topics=["#a"], tls_ca="/ca.pem")
    assert {fault.field for fault in refused.value.faults} == {"connect_address", "topics", "ssl_enable"}


def test_a_session_has_the_same_name_always_and_several_share_a_subscription() -> None:
    assert (settings().sessions("t1"), settings().filters("t1")) == (["sluice-t1"], ["a/#"])
    assert settings(replicas=2).sessions("t1") == ["sluice-t1-0", "sluice-t1-1"]
    assert settings(replicas=2).filters("t1") == ["$share/sluice-t1/a/#"]
    assert settings(share_group="g", client_id="c").filters("t1") == ["$share/g/a/#"]


def test_a_password_is_never_shown() -> None:
    shown = repr(settings(access_user="u", access_password="secret", tls_key="secret", tls_certificate="c", ssl_enable=True))
    assert "secret" not in shown
