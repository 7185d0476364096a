"""Loki's push API, in JSON and in protobuf."""

import json
from typing import Any

import pytest

from sluice.errors import Invalid
from sluice_lts.bodies import unsnapped
from sluice_lts.loki import labels_of, of_json, of_protobuf
from tests.unit.sluice_lts.samples import TIME_MS, TIME_NS, loki_json, loki_protobuf

LABELS = {"app": "a", "host": "vm1", "filename": "/var/log/a", "level": "warn"}


def test_both_forms_say_the_same() -> None:
    text = "{" + ", ".join(f'{name}="{value}"' for name, value in LABELS.items()) + "}"
    by_json = of_json(loki_json("one", "two ☃", labels=LABELS), "192.0.2.9")
    by_protobuf = of_protobuf(unsnapped(loki_protobuf(b"one", "two ☃".encode(), labels=text)), "192.0.2.9")
    assert by_json == by_protobuf
    log = by_json[1]
    assert (log.message, log.time, log.host_name, log.ip, log.path, log.line_no) == ("two ☃", TIME_MS, "vm1", "192.0.2.9", "/var/log/a", 2)
    assert (log.severity, log.attributes) == ("warn", LABELS)


def test_structured_metadata_are_attributes_too() -> None:
    push = {"streams": [{"stream": {"app": "a"}, "values": [[str(TIME_NS), "x", {"trace_id": "1"}]]}]}
    assert of_json(json.dumps(push).encode(), "")[0].attributes == {"app": "a", "trace_id": "1"}


def test_a_line_that_is_not_utf_8_is_base64() -> None:
    assert of_protobuf(unsnapped(loki_protobuf(b"\xff")), "")[0].message == "data:application/octet-stream;base64,/w=="


@pytest.mark.parametrize("value", [[], ["1"], [1, "x"], ["x", "y"], ["1", 2], ["1", "x", "y"]])
def test_a_value_is_a_time_and_a_line(value: list[Any]) -> None:
    with pytest.raises(Invalid, match="is no push"):
        of_json(json.dumps({"streams": [{"stream": {}, "values": [value]}]}).encode(), "")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"streams": [{}]}', b"\xff", b'{"streams":' + b"[" * 100_000])
def test_what_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        of_json(body, "")


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(Invalid, match="PushRequest"):
        of_protobuf(b"\xff\xff", "")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("{}", {}),
        ('{a="1"}', {"a": "1"}),
        (' { a = "1" , b_2="x, }" } ', {"a": "1", "b_2": "x, }"}),
        (r'{a="\"\\\n"}', {"a": '"\\\n'}),
    ],
)
def test_labels_are_read_as_go_writes_them(text: str, labels: dict[str, str]) -> None:
    assert labels_of(text) == labels


@pytest.mark.parametrize("text", ["", "{", "{a}", '{a="1"', '{a="1"} b', '{="1"}', '{a="1" b="2"}', 'a="1"}'])
def test_what_are_no_labels_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="labels"):
        labels_of(text)
