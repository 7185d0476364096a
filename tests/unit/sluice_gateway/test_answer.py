"""What a caller is told about what a function said."""

import base64
import json
from typing import Any

import pytest

from sluice.outcome import Failure, FailureKind, Reply
from sluice_gateway.answer import answer, enveloped
from sluice_gateway.refusal import Answer, Refusal
from tests.unit.sluice_gateway.door import envelope


def refused(result: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        enveloped(result)
    return caught.value


def header(said: Answer, name: bytes) -> list[bytes]:
    return [value for key, value in said.headers if key == name]


def test_an_envelope_is_obeyed() -> None:
    said = enveloped(envelope(201, "hällo", headers={"X-One": "1", "Content-Type": "text/plain"}))
    assert said.status == 201
    assert said.body == "hällo".encode()
    assert header(said, b"x-one") == [b"1"]


def test_a_base64_body_is_decoded() -> None:
    said = enveloped(envelope(body=base64.b64encode(b"\x00\xff").decode(), isBase64Encoded=True))
    assert said.body == b"\x00\xff"


def test_an_envelope_may_come_as_a_string() -> None:
    assert enveloped(json.dumps(envelope(202).decode()).encode()).status == 202


def test_a_header_may_be_an_array_or_not_a_string() -> None:
    said = enveloped(envelope(headers={"Set-Cookie": ["a=1", "b=2"], "X-Number": 5, "X-Bool": True}))
    assert header(said, b"set-cookie") == [b"a=1", b"b=2"]
    assert header(said, b"x-number") == [b"5"]
    assert header(said, b"x-bool") == [b"true"]


def test_what_has_no_content_type_is_json() -> None:
    assert header(enveloped(envelope(headers={})), b"content-type") == [b"application/json"]


def test_headers_of_the_connection_are_not_passed_on() -> None:
    said = enveloped(envelope(headers={"Connection": "close", "Content-Length": "999", "Transfer-Encoding": "chunked", "X": "y"}))
    assert [name for name, _ in said.headers] == [b"x", b"content-type"]


def test_an_answer_has_the_gateways_date_alone() -> None:
    reply = Reply(200, b"ok", (("Date", "Mon, 02 Mar 2026 11:47:56 GMT"), ("Server", "mine")))
    assert answer(reply, http_function=True).headers == [(b"server", b"mine")]


@pytest.mark.parametrize("missing", ["statusCode", "headers", "isBase64Encoded", "body"])
def test_all_four_fields_are_required(missing: str) -> None:
    whole = json.loads(envelope())
    del whole[missing]
    refusal = refused(json.dumps(whole).encode())
    assert (refusal.status, refusal.code) == (500, "FSS.1202")
    assert "do not contain any status code" in refusal.message


@pytest.mark.parametrize(
    "changes",
    [
        {"statusCode": "200"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 101},
        {"statusCode": 200.5},
        {"headers": []},
        {"headers": {"X": {"a": 1}}},
        {"headers": {"X": None}},
        {"isBase64Encoded": "true"},
        {"body": {"a": 1}},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": "ä", "isBase64Encoded": True},
        {"headers": {"X": "a\r\nSet-Cookie: stolen=1"}},
        {"headers": {"X\r\nY": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"X": "\ud800"}},
        {"body": "\ud800"},
    ],
)
def test_a_wrong_field_is_500(changes: dict[str, Any]) -> None:
    assert (refused(envelope(**changes)).status, refused(envelope(**changes)).code) == (500, "FSS.1202")


@pytest.mark.parametrize(
    "result",
    [b"", b"hello", b"[]", b"null", b"5", b'"text"', b'"\\"text\\""', b"\xff\xfe", b"[" * 5000, b"{" * 5000, b'{"x": ' + b"[" * 5000],
)
def test_anything_that_is_not_an_envelope_is_500(result: bytes) -> None:
    assert refused(result).code == "FSS.1202"


def test_an_http_functions_answer_is_passed_on_as_it_is() -> None:
    reply = Reply(404, b"not here", (("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Connection", "close")))
    said = answer(reply, http_function=True)
    assert (said.status, said.body) == (404, b"not here")
    assert header(said, b"set-cookie") == [b"a=1", b"b=2"]
    assert not header(said, b"connection")


def test_an_http_functions_own_error_is_its_answer() -> None:
    reply = Reply(503, b"busy", (), Failure(FailureKind.FUNCTION_ERROR))
    assert answer(reply, http_function=True).status == 503


def test_an_event_functions_error_is_500_even_with_an_envelope() -> None:
    with pytest.raises(Refusal) as caught:
        answer(Reply(500, envelope(), (), Failure(FailureKind.FUNCTION_ERROR, "said 500")), http_function=False)
    assert (caught.value.status, caught.value.code) == (500, "FSS.0500")


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FailureKind.FUNCTION_ERROR, 500, "FSS.0500"),
        (FailureKind.TIMEOUT, 504, "FSS.0504"),
        (FailureKind.CRASHED, 502, "FSS.0502"),
        (FailureKind.OUT_OF_MEMORY, 502, "FSS.0502"),
        (FailureKind.ANSWER_TOO_LARGE, 502, "FSS.0502"),
        (FailureKind.BAD_ANSWER, 502, "FSS.0502"),
        (FailureKind.CONNECTION_RESET, 502, "FSS.0502"),
        (FailureKind.NO_CAPACITY, 429, "FSS.0429"),
        (FailureKind.THROTTLED, 429, "FSS.0429"),
        (FailureKind.DISABLED, 429, "FSS.0429"),
        (FailureKind.FUNCTION_GONE, 404, "FSS.1051"),
        (FailureKind.START_FAILED, 503, "FSS.0503"),
        (FailureKind.INIT_FAILED, 503, "FSS.0503"),
        (FailureKind.CRASH_LOOP, 503, "FSS.0503"),
        (FailureKind.LOST, 503, "FSS.0503"),
        (FailureKind.INTERRUPTED, 503, "FSS.0503"),
        (FailureKind.CANCELLED, 503, "FSS.0503"),
        (FailureKind.UNREADABLE, 500, "FSS.0500"),
    ],
)
def test_every_failure_has_its_answer(kind: FailureKind, status: int, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        answer(Reply(0, failure=Failure(kind)), http_function=False)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_who_is_told_to_come_back_is_told_when() -> None:
    for kind in (FailureKind.NO_CAPACITY, FailureKind.CRASH_LOOP):
        with pytest.raises(Refusal) as caught:
            answer(Reply(0, failure=Failure(kind)), http_function=False)
        assert (b"retry-after", b"1") in caught.value.answer().headers
