"""An SQS-compatible queue through aiobotocore."""

from collections.abc import Sequence
from typing import Any

import structlog

from sluice_obs.client_aiobotocore import Client
from sluice_obs.queue import Message
from sluice_obs.settings import ObsSettings

WAIT_S = 20
"""A queue without messages answers after this; the longest that SQS allows."""
_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue": "queue_url",
    "NonExistentQueue": "queue_url",
    "QueueDoesNotExist": "queue_url",
    "InvalidAddress": "queue_url",
}
_COUNT = "ApproximateReceiveCount"
_DEPTH = "ApproximateNumberOfMessages"

log = structlog.get_logger("sluice.obs")


class AiobotocoreQueue:
    """One queue, as its settings name it."""

    def __init__(self, settings: ObsSettings) -> None:
        self._settings = settings
        self._client = Client("sqs", settings, settings.queue_endpoint, _MISSING)

    async def open(self) -> None:
        await self._client.connect()
        await self.depth()

    async def receive(self, most: int) -> Sequence[Message]:
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=most,
            WaitTimeSeconds=WAIT_S,
            VisibilityTimeout=self._settings.visibility_timeout,
            AttributeNames=[_COUNT],
        )
        return [
            Message(told["ReceiptHandle"], told.get("Body", ""), int(told.get("Attributes", {}).get(_COUNT, 1)))
            for told in answer.get("Messages", ())
        ]

    async def forget(self, receipts: Sequence[str]) -> None:
        await self._each("delete_message_batch", receipts)

    async def keep(self, receipts: Sequence[str]) -> None:
        await self._each("change_message_visibility_batch", receipts, VisibilityTimeout=self._settings.visibility_timeout)

    async def give_back(self, receipts: Sequence[str]) -> None:
        await self._each("change_message_visibility_batch", receipts, VisibilityTimeout=0)

    async def _each(self, operation: str, receipts: Sequence[str], **more: Any) -> None:
        """Whatever fails for one message alone makes that message come again, and nothing worse."""
        entries = [{"Id": str(number), "ReceiptHandle": receipt, **more} for number, receipt in enumerate(receipts)]
        answer = await self._call(operation, Entries=entries)
        if failed := answer.get("Failed"):
            log.info("messages_come_again", operation=operation, messages=len(failed), code=failed[0].get("Code"))

    async def depth(self) -> int:
        answer = await self._call("get_queue_attributes", AttributeNames=[_DEPTH])
        return int(answer.get("Attributes", {}).get(_DEPTH, 0))

    async def arn(self) -> str:
        """What a bucket calls the queue."""
        answer = await self._call("get_queue_attributes", AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    async def close(self) -> None:
        await self._client.close()

    async def _call(self, operation: str, **arguments: Any) -> Any:
        return await self._client.call(operation, QueueUrl=self._settings.queue_url, **arguments)
