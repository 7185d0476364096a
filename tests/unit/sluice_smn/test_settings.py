"""What `event_data` of SMN may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_smn.settings import SmnSettings
from tests.smn import TOPIC, URN


def settings(**changes: Any) -> SmnSettings:
    return msgspec.convert({"topic_urn": URN} | changes, SmnSettings)


def test_a_topic_is_enough() -> None:
    least = settings()
    assert (least.push_token, least.verify_signature, least.raw_delivery, least.max_age_s, least.batch_size) == ("", True, False, 600, 1)


@pytest.mark.parametrize(
    ("topic", "host"),
    [
        (URN, "smn.local-1.myhuaweicloud.com"),
        (TOPIC, "sns.eu-west-1.amazonaws.com"),
        ("arn:aws-cn:sns:cn-north-1:1:t", "sns.cn-north-1.amazonaws.com.cn"),
        ("arn:aws-us-gov:sns:us-gov-west-1:1:t.fifo", "sns.us-gov-west-1.amazonaws.com"),
    ],
)
def test_the_host_of_the_topics_region_is_believed_and_no_other(topic: str, host: str) -> None:
    assert settings(topic_urn=topic).hosts == [host]


def test_hosts_that_are_named_take_its_place() -> None:
    assert settings(certificate_hosts=["a.example:8443"]).hosts == ["a.example:8443"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"topic_urn": "alerts"}, "topic_urn"),
        ({"topic_urn": "urn:smn:local-1:p1"}, "topic_urn"),
        ({"topic_urn": "urn:smn:local-1:p1:a/b"}, "topic_urn"),
        ({"topic_urn": "arn:aws:sqs:eu-west-1:1:q"}, "topic_urn"),
        ({"certificate_hosts": ["https://a.example/path"]}, "certificate_hosts"),
        ({"certificate_hosts": ["*.amazonaws.com"]}, "certificate_hosts"),
        ({"certificate_hosts": ["http://a.example"]}, "certificate_hosts"),
        ({"endpoint_url": "a.example"}, "endpoint_url"),
        ({"endpoint_url": "http://a.example:5000"}, "endpoint_url"),
        ({"endpoint_url": "https://a.example/path"}, "endpoint_url"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        SmnSettings(**({"topic_urn": URN} | changes))
    assert [fault.field for fault in refused.value.faults] == [field]
    assert refused.value.code == "FSS.1102"


@pytest.mark.parametrize(
    "changes",
    [{"topic_urn": ""}, {"topic_urn": "urn:smn:r:p:" + "x" * 255}, {"batch_size": 0}, {"max_age_s": 59}, {"push_token": 1}, {"no_such": 1}],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((msgspec.ValidationError, Invalid)):
        settings(**changes)


def test_the_token_is_never_shown() -> None:
    assert "secret" not in repr(settings(push_token="secret"))
