import json

import pytest

from sluice.event import id_bytes
from sluice.function import Function
from sluice.runner import Call
from sluice_runner.environment import environment
from sluice_runner.replay import BadEvent, read_event
from sluice_runner.request import Requests

FUNCTION = Function(
    "urn:fss:cn-north-1:proj:function:shop:orders:v1",
    memory_mb=256,
    timeout_s=30,
    environment={"A": "1", "RUNTIME_MEMORY": "lie"},
    secrets={"B": "2"},
)
EVENT = id_bytes("01234567-89ab-4cde-8f01-23456789abcd")


def head_of(request: bytes) -> list[str]:
    return request.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def test_an_invocation_carries_the_identity_of_the_function() -> None:
    request = Requests(FUNCTION).invoke(Call(EVENT, FUNCTION, b"body", attempt=2, mode="async"))
    assert request.endswith(b"\r\n\r\nbody")
    assert head_of(request) == [
        "POST /invoke HTTP/1.1",
        "Host: 127.0.0.1:8000",
        "Content-Type: application/json",
        "X-Cff-Memory: 256",
        "X-Cff-Timeout: 30",
        "X-Cff-Func-Timeout: 30",
        "X-Cff-Func-Name: orders",
        "X-Cff-Func-Version: v1",
        "X-Cff-Project-Id: proj",
        "X-Cff-Package: shop",
        "X-Cff-Region: cn-north-1",
        "X-Cff-Request-Id: 01234567-89ab-4cde-8f01-23456789abcd",
        "X-Sluice-Attempt: 2",
        "X-Cff-Invoke-Type: async",
        "Content-Length: 4",
    ]


def test_qualifier_and_trace_are_told_when_they_are_known() -> None:
    request = Requests(FUNCTION).invoke(Call(EVENT, FUNCTION, b"", qualifier="!prod", trace="00-1-2-01"))
    assert "X-Cff-Origin-Version-Tag: !prod" in head_of(request)
    assert "traceparent: 00-1-2-01" in head_of(request)


@pytest.mark.parametrize("field", ["qualifier", "trace", "mode"])
def test_no_value_ends_its_own_line(field: str) -> None:
    call = Call(EVENT, FUNCTION, b"", **{field: "x\r\nX-Cff-Request-Id: forged"})  # type: ignore[arg-type]
    assert sum(line.startswith("X-Cff-Request-Id:") for line in head_of(Requests(FUNCTION).invoke(call))) == 1


def test_init_has_an_empty_object_and_the_identity() -> None:
    request = Requests(FUNCTION).init("an-id")
    assert head_of(request)[0] == "POST /init HTTP/1.1"
    assert request.endswith(b"Content-Length: 2\r\n\r\n{}")
    assert "X-Cff-Func-Name: orders" in head_of(request)


def replayed(**event: object) -> bytes:
    return Requests(FUNCTION).replay(Call(EVENT, FUNCTION, json.dumps(event).encode()))[0]


def test_a_replayed_request_keeps_path_query_and_headers_but_not_those_of_the_hop_or_the_platform() -> None:
    headers = {
        "host": "api.example.org",
        "connection": "close",
        "content-length": "999",
        "transfer-encoding": "chunked",
        "x-cff-request-id": "forged",
        "X-Sluice-Attempt": "9",
        "accept": ["a", "b"],
        "bad name": "x",
        "split": "a\r\nX-Injected: 1",
    }
    request = replayed(httpMethod="delete", path="/a/ü?x", queryStringParameters={"q": "1 2", "r": ["3", "4"]}, headers=headers)
    lines = head_of(request)
    assert lines[0] == "DELETE /a/%C3%BC%3Fx?q=1+2&r=3&r=4 HTTP/1.1"
    assert lines[1:5] == ["Host: api.example.org", "accept: a", "accept: b", "split: a  X-Injected: 1"]
    assert lines.count("X-Cff-Request-Id: 01234567-89ab-4cde-8f01-23456789abcd") == 1
    assert lines[-1] == "Content-Length: 0"


@pytest.mark.parametrize(
    ("body", "encoded", "expected"), [("aGk=", True, b"hi"), ("hi", False, b"hi"), ("grüß", False, "grüß".encode()), (None, True, b"")]
)
def test_a_replayed_body_is_decoded_as_the_event_says(body: str | None, encoded: bool, expected: bytes) -> None:
    assert replayed(body=body, isBase64Encoded=encoded).partition(b"\r\n\r\n")[2] == expected


@pytest.mark.parametrize("event", [{"httpMethod": "GET /x HTTP/1.1\r\n"}, {"httpMethod": ""}, {"body": "%%%"}, {"headers": 3}, {"path": 3}])
def test_what_is_no_apig_event_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(BadEvent):
        replayed(**event)


def test_an_event_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(BadEvent):
        read_event(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_a_path_without_its_slash_gets_one() -> None:
    assert head_of(replayed(path="x"))[0] == "GET /x HTTP/1.1"


def test_the_environment_has_the_users_variables_and_the_platforms_which_win() -> None:
    made = environment(FUNCTION)
    assert (made["A"], made["B"], made["RUNTIME_MEMORY"]) == ("1", "2", "256")
    assert made["RUNTIME_FUNC_NAME"] == "orders"
    assert made["RUNTIME_PROJECT_ID"] == "proj"
    assert made["RUNTIME_TIMEOUT"] == "30"
    assert json.loads(made["RUNTIME_USERDATA"]) == {"A": "1", "RUNTIME_MEMORY": "lie", "B": "2"}
    assert "RUNTIME_INITIALIZER_TIMEOUT" not in made
