"""What S3-compatible stores write about their objects, for tests: the notifications of AWS, MinIO and Ceph."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

TIME = "2026-03-02T00:47:50.352Z"
TIME_MS = 1_772_412_470_352


def told(key: str, event: str = "ObjectCreated:Put", bucket: str = "photos", when: str = TIME, **thing: Any) -> dict[str, Any]:
    """One of the Records as AWS writes it, its key as it stands in the text; `thing` changes what is told of the object."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "local-1",
        "eventTime": when,
        "eventName": event,
        "userIdentity": {"principalId": "u-1001"},
        "requestParameters": {"sourceIPAddress": "198.51.100.7"},
        "responseElements": {"x-amz-request-id": "REQ1", "x-amz-id-2": "HOST1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "whatever the bucket calls it",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "acct-1"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 823_596, "eTag": "66dc38", "sequencer": "00000000198506E6B5B60E6B30000000", **thing},
        },
    }


def minio(key: str, event: str = "s3:ObjectCreated:Put", bucket: str = "photos", sequencer: str = "17A0C8B3B1A5B7F0") -> dict[str, Any]:
    """A whole request of MinIO's, of a key as it is."""
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": TIME,
        "eventName": event,
        "userIdentity": {"principalId": "minioadmin"},
        "requestParameters": {"principalId": "minioadmin", "region": "", "sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-id-2": "dd9025", "x-amz-request-id": "17A0C8", "x-minio-origin-endpoint": "http://127.0.0.1:9000"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "minioadmin"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                "key": quote_plus(key),
                "size": 3,
                "eTag": "900150",
                "contentType": "text/plain",
                "userMetadata": {"content-type": "text/plain"},
                "sequencer": sequencer,
            },
        },
        "source": {"host": "127.0.0.1", "port": "", "userAgent": "MinIO (linux; amd64)"},
    }
    return {"EventName": event, "Key": f"{bucket}/{key}", "Records": [record]}


def ceph(key: str, event: str = "ObjectCreated:Put", bucket: str = "photos") -> dict[str, Any]:
    """One of the Records of Ceph's gateway, which writes the key as it is."""
    return {
        "eventVersion": "2.2",
        "eventSource": "ceph:s3",
        "awsRegion": "default",
        "eventTime": TIME,
        "eventName": event,
        "userIdentity": {"principalId": "tester"},
        "requestParameters": {"sourceIPAddress": ""},
        "responseElements": {"x-amz-request-id": "503a", "x-amz-id-2": "14d2-default"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "mine",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "tester"}, "arn": f"arn:aws:s3:default::{bucket}", "id": "503a.1"},
            "object": {"key": key, "size": 1024, "eTag": "37b51d", "versionId": "", "sequencer": "F7E6D75D", "metadata": [], "tags": []},
        },
        "eventId": "1575221657.102001.80dc",
        "opaqueData": "",
    }


def whole(*records: Mapping[str, Any]) -> bytes:
    """A notification of these Records."""
    return json.dumps({"Records": records}).encode()


def in_envelope(text: bytes) -> bytes:
    """The same as SNS passes it on to a queue."""
    envelope = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Message": text.decode(),
        "Timestamp": TIME,
    }
    return json.dumps(envelope).encode()


TEST_EVENT = json.dumps(
    {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": TIME, "Bucket": "photos", "RequestId": "5582", "HostId": "8cLe"}
).encode()
