"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice_obs.keys import Encoding
from sluice_obs.record import Recorder
from sluice_obs.shape import shape
from tests.s3 import ceph, in_envelope, minio, told, whole

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("trig-77", "p1", "OBS", "obs", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def records(text: bytes, encoding: Encoding = "auto") -> list[Record]:
    return Recorder("local-1", "trig-77", encoding).records(text, 1)


def least(**more: Any) -> bytes:
    """A store that tells no more than it must."""
    return json.dumps(
        {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}, **more}]}
    ).encode()


CASES = {
    "aws": records(whole(told("in/cat.png"))),
    "aws_removed": records(whole(told("in/cat.png", "ObjectRemoved:DeleteMarkerCreated", versionId="3/L4", eTag=None, size=None))),
    "aws_escaped": records(whole(told("a+b%2Bc%25/%C3%BC%E2%98%83.txt", size=0))),
    "minio": records(json.dumps(minio("a dir/ü+☃ 100%.txt")).encode()),
    "ceph": records(whole(ceph("a dir/ü+☃%20 100%.txt", "s3:ObjectRemoved:Delete"))),
    "sns_and_batch": records(in_envelope(whole(told("1"), told("2", bucket="other")))),
    "least": records(least()),
    "nulls": records(least(userIdentity=None, requestParameters={"sourceIPAddress": None}, responseElements=None, eventTime=None)),
    "not_utf8": records(whole(told("%FF%00%22%5C"))),
    "none": [],
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    assert shape(BINDING, None, CASES[name]) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    assert shape(BINDING, None, records(whole(told("in/cat.png")))) == (
        b'{"Records":[{"eventVersion":"2.0","eventSource":"aws:s3","awsRegion":"local-1","eventTime":"2026-03-02T00:47:50.352Z",'
        b'"eventName":"ObjectCreated:Put","userIdentity":{"principalId":"u-1001"},'
        b'"requestParameters":{"sourceIPAddress":"198.51.100.7"},'
        b'"responseElements":{"x-amz-request-id":"REQ1","x-amz-id-2":"HOST1"},'
        b'"s3":{"s3SchemaVersion":"1.0","configurationId":"trig-77",'
        b'"bucket":{"name":"photos","ownerIdentity":{"PrincipalId":"acct-1"},"arn":"arn:aws:s3:::photos"},'
        b'"object":{"key":"in%2Fcat.png","eTag":"66dc38","size":823596,"versionId":"null",'
        b'"sequencer":"00000000198506E6B5B60E6B30000000"}}}]}'
    )


def test_a_key_of_the_greatest_length_is_whole() -> None:
    (record,) = records(whole(told("x" * 100_000)))
    assert json.loads(shape(BINDING, None, [record]))["Records"][0]["s3"]["object"]["key"] == "x" * 100_000
