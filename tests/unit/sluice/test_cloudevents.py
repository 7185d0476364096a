"""The codec of CloudEvents: the scenarios of the CNCF's conformance features, its samples of JSON, and the Python SDK as the other end."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from sluice.cloudevents import BATCH, STRUCTURED, CloudEvent, NotUnderstood, batch, from_http, structured
from sluice.errors import Invalid

LEAST: dict[str, Any] = {"specversion": "1.0", "id": "1", "type": "t", "source": "/s"}
HELLO = b'{\n    "message": "Hello World!"\n}'
SCENARIO = {
    "id": "1234-1234-1234",
    "specversion": "1.0",
    "source": "/mycontext/subcontext",
    "type": "com.example.someevent",
    "time": "2018-04-05T03:56:24Z",
}


def headers(attributes: dict[str, str], content_type: str = "") -> dict[str, str]:
    shown = {f"ce-{name}": value for name, value in attributes.items()}
    return shown | ({"content-type": content_type} if content_type else {})


def one(sent: dict[str, str], body: bytes) -> CloudEvent:
    (event,) = from_http(sent, body)
    return event


def parsed(event: CloudEvent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.text)
    return found


def fields(**changes: Any) -> list[str]:
    """Of the faults of an event with these changes."""
    with pytest.raises(Invalid) as refused:
        structured(json.dumps({name: value for name, value in (LEAST | changes).items() if value is not ...}).encode())
    return [fault.field for fault in refused.value.faults]


# -- the conformance features


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_binary_content_mode(content_type: str) -> None:
    event = parsed(one(headers(SCENARIO, content_type), HELLO))
    assert event == SCENARIO | {"datacontenttype": content_type, "data": {"message": "Hello World!"}}


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8", STRUCTURED.upper()])
def test_structured_content_mode(content_type: str) -> None:
    sent = SCENARIO | {"datacontenttype": "application/json", "data": {"message": "Hello World!"}}
    assert parsed(one({"content-type": content_type}, json.dumps(sent).encode())) == sent


def test_batched_content_mode() -> None:
    events = from_http({"content-type": BATCH}, json.dumps([LEAST, LEAST | {"id": "2"}]).encode())
    assert [event.id for event in events] == ["1", "2"]
    assert from_http({"content-type": BATCH}, b"[]") == []


# -- the samples of the JSON format


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"datacontenttype": None, "dataschema": None, "subject": None, "time": None},
        {"datacontenttype": "text/plain", "dataschema": "https://example.org/schema", "subject": "tests"},
        {"datacontenttype": "text/plain", "data": "Simple text"},
        {"source": "#fragment"},
        {"number": 10, "least": -(2**31), "yes": True, "text": "text", "uri": "//authority/path", "when": "2023-03-31T15:12:00Z"},
        {"data_base64": "TWE="},
        {"data": None},
        {"data": 1.5},
        {"data": {"id": [None, {"deep": "ä☃"}]}},
    ],
)
def test_what_the_format_allows_is_read(more: dict[str, Any]) -> None:
    sent = LEAST | more
    kept = {name: value for name, value in sent.items() if value is not None or name == "data"}
    assert parsed(structured(json.dumps(sent).encode())) == kept


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2018-04-05T17:31:00Z", 1_522_949_460_000),
        ("2018-04-05T17:31:00.000000000Z", 1_522_949_460_000),
        ("2018-04-05T18:31:00.1239+01:00", 1_522_949_460_123),
        ("2018-04-05t16:31:00-01:00", 1_522_949_460_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
    ],
)
def test_a_time_is_kept_as_it_was_written(time: str, milliseconds: int) -> None:
    event = structured(json.dumps(LEAST | {"time": time}).encode())
    assert (event.time_ms, parsed(event)["time"]) == (milliseconds, time)


@pytest.mark.parametrize("name", ["specversion", "id", "type", "source"])
def test_what_is_mandatory_is_missed_by_its_name(name: str) -> None:
    assert fields(**{name: ...}) == [name]
    assert fields(**{name: ""}) == [name]
    assert fields(**{name: 25}) == [name]
    assert fields(**{name: {"xyz": "abc"}}) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", "0.9"),
        ("time", "lunchtime"),
        ("time", "2018-04-05T18:31Z"),
        ("time", "2018-04-05T18:31:00X"),
        ("time", "2018-04-05T18:31:00+25:00"),
        ("time", "2018-04-05T18:31:00+xx:00"),
        ("time", "2018-04-05T18:31:00+05"),
        ("time", "2018-02-30T18:31:00Z"),
        ("time", "2018-04-05T18:31:00"),
        ("time", 1522949460),
        ("datacontenttype", "xyz"),
        ("datacontenttype", ""),
        ("dataschema", ""),
        ("subject", ""),
        ("subject", "a\nb"),
        ("MyExtension", "bad"),
        ("my.extension", "bad"),
        ("my_extension", "bad"),
        ("", "bad"),
        ("ratio", 1.5),
        ("large", 2**31),
        ("many", ["a"]),
        ("data_base64", "no Base64"),
        ("data_base64", 1),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_name(name: str, value: Any) -> None:
    assert fields(**{name: value}) == [name]


def test_all_faults_are_told_at_once() -> None:
    assert fields(specversion="0.3", id=..., time="soon", Bad=1) == ["specversion", "id", "time", "Bad"]


def test_data_goes_in_one_form_only() -> None:
    assert fields(data="text", data_base64="eyAieHl6IjogMTIzIH0=") == ["data_base64"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([LEAST, LEAST | {"specversion": "0.9"}], "[1].specversion"),
        ([{"specversion": "1.0", "type": "t", "source": "/s"}], "[0].id"),
        (["not an object", LEAST], "[0]"),
        ({"not": "an array"}, ""),
    ],
)
def test_one_wrong_event_refuses_its_batch_by_its_place(body: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        batch(json.dumps(body).encode())
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b'{"id":"\xff"}', b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        structured(body)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "application/cloudevents+xml"},
        {"content-type": "application/cloudevents"},
    ],
)
def test_what_is_in_no_form_of_ours_is_not_understood(sent: dict[str, str]) -> None:
    with pytest.raises(NotUnderstood):
        from_http(sent, b"{}")


# -- the binary mode


def test_values_of_headers_are_percent_encoded() -> None:
    sent = headers(LEAST | {"subject": "Euro%20%E2%82%AC%20%F0%9F%98%80%25", "note": '"as \\"before\\""'})
    event = parsed(one(sent, b""))
    assert (event["subject"], event["note"]) == ("Euro € 😀%", 'as "before"')


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "%FF"),
        ("my-extension", "bad"),
        ("data", "bad"),
        ("datacontenttype", "text/plain"),
        ("subject", "a%0Ab"),
        ("subject", ""),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_http(headers(LEAST | {name: value}), b"")
    assert [fault.field for fault in refused.value.faults] == [name]


def test_without_specversion_headers_are_no_event() -> None:
    with pytest.raises(Invalid, match="specversion: is mandatory"):
        from_http({"ce-id": "1", "ce-type": "t", "ce-source": "/s"}, b"")


@pytest.mark.parametrize(
    ("content_type", "data", "member", "value"),
    [
        ("", b'{"a": 1.10}', "data", {"a": 1.10}),
        ("application/json", b" [1, 2]\n", "data", [1, 2]),
        ("application/vnd.some+json", b"null", "data", None),
        ("text/json", b'"x"', "data", "x"),
        ("text/plain", "Grüße".encode(), "data", "Grüße"),
        ("application/xml", b"<a/>", "data", "<a/>"),
        ("image/svg+xml; charset=UTF-8", b"<a/>", "data", "<a/>"),
        ("application/json", b"{", "data_base64", "ew=="),
        ("application/json; charset=utf-16", b'{"a":1}', "data_base64", "eyJhIjoxfQ=="),
        ("text/plain", b"\xff", "data_base64", "/w=="),
        ("text/plain; charset=iso-8859-1", b"a", "data_base64", "YQ=="),
        ("application/octet-stream", b"text", "data_base64", "dGV4dA=="),
        ("", b"\x00\xff", "data_base64", "AP8="),
    ],
)
def test_data_is_json_text_or_base64_by_its_content_type(content_type: str, data: bytes, member: str, value: Any) -> None:
    event = parsed(one(headers(LEAST, content_type), data))
    assert event.get("datacontenttype", "") == content_type
    assert {name: event[name] for name in ("data", "data_base64") if name in event} == {member: value}


def test_an_empty_body_is_no_data() -> None:
    assert parsed(one(headers(LEAST, "text/plain"), b"")) == LEAST | {"datacontenttype": "text/plain"}


def test_numbers_in_the_data_are_not_rounded() -> None:
    data = b'{"a":1.10,"b":123456789012345678901234567890,"c":1e3}'
    assert data in one(headers(LEAST, "application/json"), data).text
    assert data in structured(json.dumps(LEAST).encode()[:-1] + b', "data": ' + data + b"}").text


# -- what an event is known by


def test_source_and_id_are_what_an_event_is_known_by() -> None:
    def identity(source: str, name: str) -> str:
        return structured(json.dumps(LEAST | {"source": source, "id": name}).encode()).identity

    assert identity("/s", "1") == identity("/s", "1")
    assert len({identity("/s", "12"), identity("/s1", "2"), identity("/s", "2"), identity("/t", "2")}) == 4
    assert len(identity("/s" * 1000, "1")) <= 512


def test_extensions_for_traces_and_partitions_are_known() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = one(headers(LEAST | {"traceparent": trace, "partitionkey": "k1"}), b"")
    assert (event.trace, event.partition_key) == (trace, "k1")
    assert one(headers(LEAST | {"traceparent": f"{trace}x"}), b"").trace == ""


# -- the SDK

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=20)
VALUES = st.one_of(TEXTS, st.integers(-(2**40), 2**40), st.booleans(), st.none())
DATA = st.one_of(st.none(), st.dictionaries(TEXTS, VALUES), st.binary(min_size=1))


@given(TEXTS, TEXTS, TEXTS, TEXTS, DATA)
def test_what_the_sdk_sends_arrives_the_same_in_both_modes(name: str, source: str, subject: str, note: str, data: Any) -> None:
    media = "application/octet-stream" if isinstance(data, bytes) else "application/json"
    attributes = {"id": name, "source": source, "type": "t", "subject": subject, "note": note, "datacontenttype": media}
    event = SdkEvent(attributes | {"time": datetime(2026, 3, 2, 12, 7, 48, 955000, tzinfo=UTC)}, data)
    messages = [http.to_binary_event(event), http.to_structured_event(event)]
    events = [one({key.lower(): value for key, value in message.headers.items()}, message.body) for message in messages]
    for found in events:
        told = parsed(found)
        assert (told["id"], told["source"], told["subject"], told["note"]) == (name, source, subject, note)
        assert found.time_ms == 1_772_453_268_955
        received = base64.b64decode(told["data_base64"]) if "data_base64" in told else told.get("data")
        assert received == (data if data is not None else None)
        again = JSONFormat().read(SdkEvent, found.text)
        assert again.get_data() == data
    assert events[0].identity == events[1].identity


def test_the_text_of_both_modes_is_the_same_but_for_spaces() -> None:
    attributes = {"time": datetime(2026, 3, 2, tzinfo=UTC), "datacontenttype": "application/json", "type": "t", "source": "/s", "id": "1"}
    event = SdkEvent(attributes, {"a": 1})
    binary, structured = http.to_binary_event(event), http.to_structured_event(event)
    told = [parsed(one(message.headers, message.body)) for message in (binary, structured)]
    assert told[0] == told[1]
    assert [" ".join(each) for each in told] == ["id specversion source type datacontenttype time data"] * 2
