"""The event of an HTTP request, byte for byte (golden files)."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Binding
from sluice.event import Record
from sluice_gateway import KIND
from sluice_gateway.settings import ApigSettings
from sluice_gateway.shape import Peer, Request, event_body, event_headers, query_parameters

GOLDEN = Path(__file__).parent / "golden"
PEER = Peer("198.51.100.7", "443", "https")
REQUESTS = {
    "post.json": (
        Request(
            "POST",
            b"/orders",
            b"page=2",
            [(b"host", b"api.example.org"), (b"content-type", b"application/json"), (b"user-agent", b"curl/8")],
            PEER,
        ),
        {},
        b'{"a":1}',
    ),
    "empty_get.json": (Request("GET", b"/", b"", [(b"host", b"api.example.org")], PEER), {}, b""),
    "everything.json": (
        Request(
            "PUT",
            b"/k%C3%A4se/7",
            b"tag=a&tag=b&tag=&flag&name=J%C3%BCrgen+M",
            [
                (b"host", b"api.example.org"),
                (b"cookie", b"a=1"),
                (b"cookie", b"b=2"),
                (b"accept", b"text/html"),
                (b"accept", b"*/*"),
                (b"x-forwarded-for", b"203.0.113.9"),
                (b"x-real-ip", b"203.0.113.9"),
                (b"x-latin", b"\xe4"),
            ],
            PEER,
        ),
        {"id": "7"},
        b"\x00\xff",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_event_is_that_of_the_golden_file(name: str) -> None:
    request, parameters, body = REQUESTS[name]
    event = event_body(("t1", "RELEASE"), "5f0a1c", parameters, request, event_headers(request.lines, request.peer), body)
    assert event == (GOLDEN / name).read_bytes().rstrip(b"\n")


def test_the_fields_are_those_of_the_reference_and_in_its_order() -> None:
    names = ["body", "requestContext", "queryStringParameters", "httpMethod", "pathParameters", "headers", "path", "isBase64Encoded"]
    for path in GOLDEN.iterdir():
        event = json.loads(path.read_text())
        assert list(event) == names
        assert list(event["requestContext"]) == ["apiId", "requestId", "stage", "sourceIp"]


def test_a_repeated_query_key_is_an_array_in_order() -> None:
    assert query_parameters(b"a=1&b=2&a=3&a=") == {"a": ["1", "3", ""], "b": "2"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a", {"a": ""}),
        (b"=1", {"": "1"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%zz", {"a": "%zz"}),
        (b"a=x+y%2Bz", {"a": "x y+z"}),
    ],
)
def test_odd_queries(query: bytes, expected: dict[str, str]) -> None:
    assert query_parameters(query) == expected


def test_header_values_are_utf_8_and_otherwise_latin_1() -> None:
    headers = event_headers([(b"x-utf-8", "käse".encode()), (b"x-latin", "käse".encode("latin-1"))], PEER)
    assert headers["x-utf-8"] == headers["x-latin"] == "käse"


def test_nobody_can_pretend_to_come_from_elsewhere() -> None:
    headers = event_headers([(b"x-real-ip", b"1.2.3.4"), (b"x-forwarded-proto", b"ftp"), (b"x-forwarded-port", b"1")], PEER)
    assert headers["x-real-ip"] == "198.51.100.7"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == "443"


@given(st.binary(max_size=300), st.binary(max_size=40), st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=20)), max_size=5))
def test_arbitrary_bytes_make_an_event(body: bytes, query: bytes, lines: list[tuple[bytes, bytes]]) -> None:
    request = Request("POST", b"/a", query, lines, PEER)
    assert json.loads(event_body(("t", "s"), "i", {}, request, event_headers(lines, PEER), body))["isBase64Encoded"] is True


def test_a_request_as_a_record_makes_the_same_event() -> None:
    request, parameters, body = REQUESTS["post.json"]
    attributes = [("id", "5f0a1c"), ("method", "POST"), ("path", "/orders"), ("query", "page=2")]
    attributes += [("source_ip", PEER.address), ("port", PEER.port), ("scheme", PEER.scheme)]
    attributes += [(f"header:{name.decode()}", value.decode()) for name, value in request.lines]
    attributes += [(f"parameter:{name}", value) for name, value in parameters.items()]
    binding = Binding("t1", "p1", "APIG", "gateway", "urn", b"{}")
    event = KIND.shape(binding, ApigSettings(path="/orders"), [Record(body, "", "", 0, attributes=tuple(attributes))])
    assert msgspec.json.decode(event) == json.loads((GOLDEN / "post.json").read_text())
