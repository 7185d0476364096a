"""SDK-HMAC-SHA256 against FunctionGraph's own SDK as the independent signer."""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.signature import (
    DateOutsideWindow,
    MalformedSignature,
    NotSigned,
    PayloadNotCovered,
    SignatureMismatch,
    SignatureRefused,
    SignedRequest,
    UnknownKey,
    UnsupportedAlgorithm,
    sign,
    verify,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

NOW = 1_790_000_000.0
ACCESS_KEY, SECRET_KEY = "AKEXAMPLE", "a secret of 40 characters, or fewer"
URN = "urn:fss:local-1:p1:function:default:hello:latest"

segments = st.text(min_size=0, max_size=12).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
paths = st.lists(segments, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(quote(part, safe="") for part in parts))
pairs = st.lists(st.tuples(segments, segments), max_size=6)
bodies = st.binary(max_size=200)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=20)
more_headers = st.dictionaries(st.sampled_from(["X-Cff-Log-Type", "X-Project-Id", "User-Agent", "X_Skipped"]), values)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])


def by_the_sdk(method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes) -> SignedRequest:
    """What the SDK would put on the wire."""
    signer = Signer(BasicCredentials(ACCESS_KEY, SECRET_KEY, "p1"))
    date = datetime.fromtimestamp(NOW, UTC).strftime("%Y%m%dT%H%M%SZ")
    request = SdkRequest(method, "http", "127.0.0.1:8090", path, None, list(query), {**headers, "X-Sdk-Date": date}, body)
    signed = signer.sign(request)
    sent_path, _, sent_query = signed.uri.partition("?")
    lines = tuple((name.encode(), value.encode("latin-1")) for name, value in signed.header_params.items())
    return SignedRequest(method, sent_path.encode(), sent_query.encode(), lines, body)


def secret_of(access_key: str) -> str | None:
    return SECRET_KEY if access_key == ACCESS_KEY else None


def invoke(body: bytes = b'{"k": "v"}', content_type: str = "application/json", path: str = f"/v2/p1/fgs/functions/{URN}") -> SignedRequest:
    return by_the_sdk("POST", path, [("b", "2"), ("a", "1")], {"Content-Type": content_type, "X-Project-Id": "p1"}, body)


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    kept = [(key, old) for key, old in request.headers if key.lower() != name.lower().encode()]
    return SignedRequest(
        request.method,
        request.path,
        request.query,
        tuple(kept) + (((name.encode(), value.encode()),) if value is not None else ()),
        request.body,
    )


@given(methods, paths, pairs, more_headers, bodies)
def test_what_the_sdk_signs_is_verified(method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes) -> None:
    request = by_the_sdk(method, path, query, {"Content-Type": "application/json", **headers}, body)
    assert verify(request, secret_of, now=NOW).access_key == ACCESS_KEY


@given(methods, paths, pairs, bodies)
def test_what_we_sign_is_what_the_sdk_would_sign(method: str, path: str, query: list[tuple[str, str]], body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Host": "127.0.0.1:8090"}
    theirs = by_the_sdk(method, path, query, headers, body)
    target = (theirs.path + (b"?" + theirs.query if theirs.query else b"")).decode()
    ours = sign(ACCESS_KEY, SECRET_KEY, method, target, headers, body, now=NOW)
    assert ours["Authorization"].encode() == dict(theirs.headers)[b"Authorization"]


@given(
    st.lists(
        st.tuples(segments, st.lists(segments, max_size=3) | st.booleans() | st.integers()), max_size=4, unique_by=lambda pair: pair[0]
    )
)
def test_repeated_keys_booleans_and_numbers_of_a_query_are_verified(query: list[tuple[str, Any]]) -> None:
    request = by_the_sdk("GET", "/v2/p1/fgs/functions", query, {}, b"")
    assert verify(request, secret_of, now=NOW).access_key == ACCESS_KEY


@given(pairs, st.randoms())
def test_the_order_of_query_pairs_as_sent_does_not_matter(query: list[tuple[str, str]], random: Random) -> None:
    request = by_the_sdk("GET", "/v2/p1/fgs/functions", query, {}, b"")
    items = request.query.split(b"&")
    random.shuffle(items)
    assert verify(SignedRequest("GET", request.path, b"&".join(items), request.headers), secret_of, now=NOW).access_key == ACCESS_KEY


def test_a_query_key_without_value_is_the_key_with_an_empty_one() -> None:
    request = by_the_sdk("GET", "/v2/x", [("flag", "")], {}, b"")
    assert verify(SignedRequest("GET", request.path, b"flag", request.headers), secret_of, now=NOW).access_key == ACCESS_KEY


@pytest.mark.parametrize("sent", [URN, URN.replace(":", "%3A"), URN.replace(":", "%3a"), URN.replace("latest", "!prod")])
def test_a_urn_with_raw_and_with_escaped_colons_is_verified(sent: str) -> None:
    request = invoke(path=f"/v2/p1/fgs/functions/{sent}/invocations")
    assert verify(request, secret_of, now=NOW).access_key == ACCESS_KEY
    raw = SignedRequest("POST", request.path.replace(b"%3A", b":"), request.query, request.headers, request.body)
    assert verify(raw, secret_of, now=NOW).access_key == ACCESS_KEY


@dataclass(frozen=True)
class Flip:
    """Where to change one byte, and into what."""

    at: int
    by: int

    def of(self, data: bytes) -> bytes:
        index = self.at % len(data)
        return data[:index] + bytes([data[index] ^ self.by]) + data[index + 1 :]


@dataclass(frozen=True)
class Cut:
    """Where to leave out a byte."""

    at: int

    def of(self, data: bytes) -> bytes:
        index = self.at % len(data)
        return data[:index] + data[index + 1 :]


@dataclass(frozen=True)
class Slip:
    """Where to put in a byte, and which."""

    at: int
    byte: int

    def of(self, data: bytes) -> bytes:
        index = self.at % (len(data) + 1)
        return data[:index] + bytes([self.byte]) + data[index:]


moved = st.builds(Cut, st.integers(0, 10_000)) | st.builds(Slip, st.integers(0, 10_000), st.integers(0, 255))


@settings(max_examples=300)
@given(moved)
def test_a_byte_more_or_less_is_refused(change: Cut | Slip) -> None:
    request = invoke(path="/v2/p1/fgs/functions/hello/invocations")
    parts = {"path": request.path, "query": request.query, "body": request.body}
    for name, value in parts.items():
        other = SignedRequest("POST", **{**parts, name: change.of(value)}, headers=request.headers)
        if same_by_the_algorithm(other, request):
            continue
        with pytest.raises(SignatureMismatch):
            verify(other, secret_of, now=NOW)


def same_by_the_algorithm(one: SignedRequest, other: SignedRequest) -> bool:
    """One `/` at the end of a path, and empty parts of a query, say nothing."""
    paths = {request.path + (b"" if request.path.endswith(b"/") else b"/") for request in (one, other)}
    queries = {tuple(part for part in request.query.split(b"&") if part) for request in (one, other)}
    return len(paths) == len(queries) == 1 and one.body == other.body


flips = st.builds(Flip, st.integers(0, 10_000), st.integers(1, 255))


@given(flips)
def test_any_other_byte_in_the_body_is_refused(flip: Flip) -> None:
    request = invoke()
    changed = SignedRequest("POST", request.path, request.query, request.headers, flip.of(request.body))
    with pytest.raises(SignatureMismatch):
        verify(changed, secret_of, now=NOW)


@given(flips)
def test_any_other_byte_in_the_path_is_refused(flip: Flip) -> None:
    request = invoke(path="/v2/p1/fgs/functions/hello/invocations")
    changed = SignedRequest("POST", flip.of(request.path), request.query, request.headers, request.body)
    with pytest.raises(SignatureMismatch):
        verify(changed, secret_of, now=NOW)


@given(flips)
def test_any_other_byte_in_the_query_is_refused(flip: Flip) -> None:
    request = invoke()
    assert request.query == b"a=1&b=2"
    changed = SignedRequest("POST", request.path, flip.of(request.query), request.headers, request.body)
    with pytest.raises(SignatureMismatch):
        verify(changed, secret_of, now=NOW)


@given(flips, st.sampled_from([b"X-Project-Id", b"Content-Type", b"Host", b"X-Sdk-Date", b"Authorization"]))
def test_any_other_byte_in_a_signed_header_is_refused(flip: Flip, name: bytes) -> None:
    request = invoke()
    headers = tuple((key, flip.of(value) if key == name else value) for key, value in request.headers)
    changed = SignedRequest("POST", request.path, request.query, headers, request.body)
    stripped_the_same = dict(headers)[name].strip() == dict(request.headers)[name].strip()
    if stripped_the_same:
        return
    with pytest.raises(SignatureRefused):
        verify(changed, secret_of, now=NOW)


@given(flips)
def test_any_other_byte_in_the_secret_key_is_refused(flip: Flip) -> None:
    other = flip.of(SECRET_KEY.encode()).decode("latin-1")
    with pytest.raises(SignatureMismatch):
        verify(invoke(), lambda _: other, now=NOW)


@given(st.sampled_from(["GET", "PUT", "DELETE", "PATCH", "POSS", "OST"]))
def test_another_method_is_refused(method: str) -> None:
    request = invoke()
    with pytest.raises(SignatureMismatch):
        verify(SignedRequest(method, request.path, request.query, request.headers, request.body), secret_of, now=NOW)


def test_an_added_query_pair_is_refused() -> None:
    request = invoke()
    with pytest.raises(SignatureMismatch):
        verify(SignedRequest("POST", request.path, request.query + b"&c", request.headers, request.body), secret_of, now=NOW)


@pytest.mark.parametrize("late", [-900, -1, 0, 1, 900])
def test_a_date_within_15_minutes_is_accepted(late: int) -> None:
    assert verify(invoke(), secret_of, now=NOW + late).access_key == ACCESS_KEY


@pytest.mark.parametrize("late", [-901, 901, 86_400])
def test_a_date_further_away_is_refused(late: int) -> None:
    with pytest.raises(DateOutsideWindow):
        verify(invoke(), secret_of, now=NOW + late)


@pytest.mark.parametrize("date", ["", "20260921", "2026-09-21T13:33:20Z", "20261321T133320Z", "20260921T133320Z0", "\u0662026"])
def test_a_date_of_another_form_is_malformed(date: str) -> None:
    with pytest.raises(MalformedSignature):
        verify(with_header(invoke(), "X-Sdk-Date", date), secret_of, now=NOW)


def test_an_unknown_key_is_refused_in_the_same_words_as_a_wrong_signature() -> None:
    with pytest.raises(UnknownKey) as unknown:
        verify(invoke(), lambda _: None, now=NOW)
    with pytest.raises(SignatureMismatch) as wrong:
        verify(invoke(), lambda _: "another", now=NOW)
    assert str(unknown.value) == str(wrong.value)


def test_a_request_without_authorization_is_not_signed() -> None:
    with pytest.raises(NotSigned):
        verify(with_header(invoke(), "Authorization", None), secret_of, now=NOW)


@pytest.mark.parametrize("algorithm", ["SDK-HMAC-SM3", "V11-HMAC-SHA256", "SDK-ECDSA-P256-SHA256", "Basic", "sdk-hmac-sha256"])
def test_other_algorithms_are_refused_by_name(algorithm: str) -> None:
    request = invoke()
    text = dict(request.headers)[b"Authorization"].decode().replace("SDK-HMAC-SHA256", algorithm)
    with pytest.raises(UnsupportedAlgorithm):
        verify(with_header(request, "Authorization", text), secret_of, now=NOW)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "Access=a",
        "Access=a, SignedHeaders=host;x-sdk-date",
        "Access=, SignedHeaders=host;x-sdk-date, Signature=00",
        "Access=a, Access=b, SignedHeaders=host;x-sdk-date, Signature=00",
        "Access=a, SignedHeaders=host;x-sdk-date;, Signature=00",
        "Access=a, SignedHeaders=host;x-sdk-date;x-absent, Signature=00",
        "Access=a, SignedHeaders=Host;X-Sdk-Date, Signature=00",
    ],
)
def test_an_unreadable_authorization_is_malformed(rest: str) -> None:
    with pytest.raises(MalformedSignature):
        verify(with_header(invoke(), "Authorization", f"SDK-HMAC-SHA256 {rest}"), secret_of, now=NOW)


@pytest.mark.parametrize("missing", ["host", "x-sdk-date"])
def test_host_and_date_must_be_signed(missing: str) -> None:
    request = invoke()
    names = ";".join(name for name in ("content-type", "host", "x-sdk-date") if name != missing)
    with pytest.raises(MalformedSignature, match=missing):
        verify(with_header(request, "Authorization", f"SDK-HMAC-SHA256 Access=a, SignedHeaders={names}, Signature=00"), secret_of, now=NOW)


def test_a_signed_header_that_is_there_twice_is_refused() -> None:
    request = invoke()
    doubled = SignedRequest("POST", request.path, request.query, (*request.headers, (b"x-project-id", b"p2")), request.body)
    with pytest.raises(MalformedSignature, match="twice"):
        verify(doubled, secret_of, now=NOW)


def test_a_second_authorization_header_is_refused() -> None:
    request = invoke()
    doubled = SignedRequest("POST", request.path, request.query, (*request.headers, (b"authorization", b"x")), request.body)
    with pytest.raises(MalformedSignature):
        verify(doubled, secret_of, now=NOW)


def test_the_sdk_may_leave_a_body_unsigned_that_is_not_json() -> None:
    request = invoke(b"\x00\xff zip", "application/zip")
    assert dict(request.headers)[b"X-Sdk-Content-Sha256"] == b"UNSIGNED-PAYLOAD"
    assert verify(request, secret_of, now=NOW).access_key == ACCESS_KEY


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/bson"])
def test_a_json_body_must_be_signed(content_type: str) -> None:
    headers = {"Content-Type": content_type, "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    request = by_the_sdk("POST", "/v2/x", [], headers, b"{}")
    with pytest.raises(PayloadNotCovered):
        verify(request, secret_of, now=NOW)


def test_a_body_without_content_type_must_be_signed() -> None:
    request = by_the_sdk("POST", "/v2/x", [], {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}, b"{}")
    with pytest.raises(PayloadNotCovered):
        verify(request, secret_of, now=NOW)


def test_a_signed_body_cannot_be_declared_unsigned_later() -> None:
    request = invoke()
    changed = with_header(request, "X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
    with pytest.raises(PayloadNotCovered):
        verify(changed, secret_of, now=NOW)


def test_a_declared_hash_that_is_not_the_body_s_is_refused() -> None:
    headers = {"Content-Type": "application/json", "X-Sdk-Content-Sha256": "0" * 64}
    with pytest.raises(PayloadNotCovered):
        verify(by_the_sdk("POST", "/v2/x", [], headers, b"{}"), secret_of, now=NOW)


def test_signing_without_a_host_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="Host"):
        sign(ACCESS_KEY, SECRET_KEY, "GET", "/", {}, now=NOW)


@settings(max_examples=300)
@given(st.binary(max_size=120), st.binary(max_size=60), st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=40)), max_size=5))
def test_arbitrary_bytes_are_refused_and_never_crash(path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    authorization = (b"Authorization", b"SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=\xff")
    date = (b"x-sdk-date", b"20260921T133320Z")
    for request in (SignedRequest("GET", path, query, tuple(headers)), SignedRequest("GET", path, query, (authorization, date, *headers))):
        with pytest.raises(SignatureRefused):
            verify(request, secret_of, now=NOW)
