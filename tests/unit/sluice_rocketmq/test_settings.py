"""What `event_data` of ROCKETMQ may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_rocketmq.settings import RocketSettings

LEAST: dict[str, Any] = {"endpoints": "127.0.0.1:8081", "topic": "jobs"}
KEYS: dict[str, Any] = {"enable_acl": True, "access_key": "mine", "secret_key": "secret"}


def settings(**changes: Any) -> RocketSettings:
    return msgspec.convert(LEAST | changes, RocketSettings)


def test_the_least_is_an_address_and_a_topic() -> None:
    own = settings()
    assert (own.topics, own.filter_type, own.filter_expression, own.enable_acl) == (["jobs"], "TAG", "*", False)


def test_topics_may_be_several() -> None:
    assert settings(topic="", topic_ids=["a", "b"]).topics == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoints": "nowhere"}, "endpoints"),
        ({"topic": ""}, "topic"),
        ({"topic_ids": ["a"]}, "topic"),
        ({"topic": "", "topic_ids": ["a", "a"]}, "topic_ids"),
        ({"topic": "a b"}, "topic"),
        ({"topic": "", "topic_ids": ["x" * 128]}, "topic_ids"),
        ({"consumer_group": "a/b"}, "consumer_group"),
        ({"enable_acl": True, "access_key": "a"}, "secret_key"),
        ({"enable_acl": True, "secret_key": "s"}, "access_key"),
        ({"access_key": "a"}, "enable_acl"),
        (KEYS | {"access_key": "a\nb"}, "access_key"),
        ({"tls_certificate": "/c.pem", "ssl_enable": True}, "tls_key"),
        ({"tls_ca": "/ca.pem"}, "ssl_enable"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        RocketSettings(**(LEAST | changes))
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0},
        {"batch_size": 1001},
        {"prefetch": 0},
        {"invisible_s": 9},
        {"filter_type": "SQL"},
        {"filter_expression": ""},
        {"no": 1},
    ],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        RocketSettings(endpoints="x", enable_acl=True, tls_ca="/ca.pem")
    assert {fault.field for fault in refused.value.faults} == {"endpoints", "topic", "access_key", "secret_key", "ssl_enable"}


def test_two_batches_fit_into_the_window() -> None:
    assert settings(batch_size=500, prefetch=10).window == 1000
    assert settings(prefetch=7).window == 7


def test_a_secret_is_never_shown() -> None:
    assert "secret" not in repr(settings(**KEYS, tls_key="secret", tls_certificate="c", ssl_enable=True)).replace("secret_key", "")
