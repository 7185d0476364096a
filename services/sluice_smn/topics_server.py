"""The Topics service over the triggers of a process: what is published over gRPC is what is published over HTTP."""

from typing import Any

import msgspec

from sluice.event import id_text, random_id
from sluice.outcome import Verdict
from sluice.push import Answer, Doors, Request
from sluice.v1 import topics_pb2
from sluice.wire.events import verdict_number
from sluice.wire.guard import Guard, need_project
from sluice.wire.server import Handlers
from sluice.wire.streams import unary
from sluice.wire.token import ServiceToken

KIND = "smn"


class TopicsService:
    name = "Topics"

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def handlers(self, guard: Guard) -> Handlers:
        return {"Publish": unary(guard, "Topics.Publish", self._publish, topics_pb2.TopicMessage)}

    async def _publish(self, caller: ServiceToken, asked: topics_pb2.TopicMessage) -> topics_pb2.TopicMessageResult:
        need_project(caller, asked.project)
        identifier = asked.message_id or id_text(random_id())
        answer = await self._doors.publish(KIND, asked.project, asked.topic, _request(asked, identifier))
        return _result(answer, identifier)


def _request(asked: topics_pb2.TopicMessage, identifier: str) -> Request:
    attributes = [{"name": name, "value": value} for name, value in sorted(asked.attributes.items())]
    body = {"message": asked.message, "subject": asked.subject, "message_attributes": attributes, "message_id": identifier}
    headers = {"traceparent": asked.trace} if asked.trace else {}
    return Request(headers=headers, body=msgspec.json.encode(body), is_known=True, id=identifier)


def _result(answer: Answer, identifier: str) -> topics_pb2.TopicMessageResult:
    if answer.status < 300:
        return topics_pb2.TopicMessageResult(verdict=verdict_number(Verdict.DONE), message_id=identifier)
    later = answer.status >= 500 or answer.status == 429
    told: dict[str, Any] = msgspec.json.decode(answer.body)
    return topics_pb2.TopicMessageResult(
        verdict=verdict_number(Verdict.RETRY if later else Verdict.REFUSED),
        reason=str(told.get("error_msg", "")),
        retry_after_s=float(dict(answer.headers).get("retry-after", 1)) if later else 0.0,
        message_id=identifier,
    )
