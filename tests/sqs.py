"""A bucket, a topic and queues of a test's own at moto: the blocking driver, not the one that the trigger uses."""

import json
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import boto3
from botocore.config import Config

from tests.servers import Moto

BATCH, BATCH_BYTES = 10, 256 * 1024
EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")


class Service:
    """What the trigger's source looks like from the other side."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto
        self.sqs = self.client("sqs")
        self.s3 = self.client("s3")
        self.sns = self.client("sns")

    def client(self, name: str) -> Any:
        moto = self._moto
        keys = {"aws_access_key_id": moto.access_key, "aws_secret_access_key": moto.secret_key}
        config = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30)
        return boto3.client(name, endpoint_url=moto.endpoint, region_name=moto.region, config=config, **keys)

    def queue(self, **attributes: str) -> str:
        """The address of a new queue."""
        return str(self.sqs.create_queue(QueueName=f"queue-{secrets.token_hex(4)}", Attributes=attributes)["QueueUrl"])

    def arn(self, queue: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def bucket(self, name: str) -> None:
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self._moto.region})

    def notifying_bucket(self, name: str, queue: str, events: Sequence[str] = EVENTS) -> None:
        """A new bucket that tells the queue what happens in it."""
        self.bucket(name)
        ours = {"QueueArn": self.arn(queue), "Events": list(events)}
        self.s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": [ours]})

    def notifying_topic(self, name: str, queue: str) -> None:
        """The same with an SNS topic between them."""
        self.bucket(name)
        topic = self.sns.create_topic(Name=f"topic-{secrets.token_hex(4)}")["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn(queue))
        ours = {"TopicArn": topic, "Events": list(EVENTS)}
        self.s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"TopicConfigurations": [ours]})

    def put(self, bucket: str, key: str, body: bytes = b"1") -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def send(self, queue: str, body: str) -> None:
        self.sqs.send_message(QueueUrl=queue, MessageBody=body)

    def send_all(self, queue: str, bodies: Iterable[str]) -> None:
        batch: list[str] = []
        for body in bodies:
            if len(batch) == BATCH or sum(map(len, batch)) + len(body) > BATCH_BYTES:
                self._send_batch(queue, batch)
                batch = []
            batch.append(body)
        self._send_batch(queue, batch)

    def _send_batch(self, queue: str, bodies: Sequence[str]) -> None:
        if bodies:
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
            failed = self.sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")
            assert not failed, failed

    def drain(self, queue: str) -> None:
        """What is there is gone: the word of a bucket that it is going to notify."""
        while given := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=BATCH).get("Messages"):
            for message in given:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def left(self, queue: str) -> int:
        """Messages that are not deleted: those that wait and those that are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values()))

    def configuration(self, bucket: str) -> dict[str, Any]:
        found: dict[str, Any] = self.s3.get_bucket_notification_configuration(Bucket=bucket)
        found.pop("ResponseMetadata", None)
        return found


def keys_of(event: bytes) -> list[str]:
    """The keys in an event, as they stand there."""
    return [record["s3"]["object"]["key"] for record in json.loads(event)["Records"]]
