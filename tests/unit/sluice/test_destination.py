"""What a destination has to say, and how it is written as one text."""

import json

import pytest

from sluice.destination import KINDS, faults, kind_of, kinds_of, text, undelivered

RIGHT = {
    "FunctionGraph": {"func_urn": "alarm"},
    "OBS": {"bucket": "ends", "prefix": "a/", "expires": 365},
    "SMN": {"topic_urn": "urn:smn:r:p:t"},
    "DIS": {"stream_name": "s"},
    "RocketMQ": {"topic": "t"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_takes_its_own_words(kind: str) -> None:
    assert list(faults("on_failure", kind, json.dumps(RIGHT[kind]))) == []
    assert kind_of(text(kind, json.dumps(RIGHT[kind]))) == kind


@pytest.mark.parametrize(
    ("kind", "param", "field"),
    [
        ("OBS", "{}", "param.bucket"),
        ("OBS", '{"bucket": ""}', "param.bucket"),
        ("OBS", '{"bucket": "b", "expires": 366}', "param.expires"),
        ("OBS", '{"bucket": "b", "expires": -1}', "param.expires"),
        ("OBS", '{"bucket": "b", "colour": 1}', "param.colour"),
        ("SMN", '{"topic": "t"}', "param.topic"),
        ("DIS", '{"stream_name": 1}', "param.stream_name"),
        ("FunctionGraph", "x", "param"),
        ("FunctionGraph", "[]", "param"),
        ("RocketMQ", "7", "param"),
        ("MAGIC", "{}", "destination"),
        ("obs", "{}", "destination"),
    ],
)
def test_what_is_wrong_is_named(kind: str, param: str, field: str) -> None:
    assert next(faults("on_failure", kind, param)).field == field


def test_rocketmq_is_told_of_failures_only() -> None:
    found = list(faults("on_success", "RocketMQ", "{}"))
    assert [fault.field for fault in found] == ["destination"]
    assert "failures only" in found[0].rule
    assert ("RocketMQ" in kinds_of("on_failure"), "RocketMQ" in kinds_of("on_success")) == (True, False)


def test_a_function_is_written_as_its_urn_and_nothing_as_nothing() -> None:
    assert (kind_of("urn:fss:r:p:function:default:f:latest"), kind_of("")) == ("FunctionGraph", "")


def test_what_nothing_is_sent_to_is_told() -> None:
    assert "OBS" in undelivered("OBS")
