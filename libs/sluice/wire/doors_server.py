"""The Push service over the triggers of a process."""

from sluice.push import Doors
from sluice.v1 import push_pb2
from sluice.wire.doors import packed_answer, unpacked_request
from sluice.wire.guard import Guard, need_project
from sluice.wire.server import Handlers
from sluice.wire.streams import unary
from sluice.wire.token import ServiceToken


class PushService:
    name = "Push"

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Send": unary(guard, "Push.Send", self._send, push_pb2.SendRequest),
            "Publish": unary(guard, "Push.Publish", self._publish, push_pb2.PublishRequest),
        }

    async def _send(self, caller: ServiceToken, asked: push_pb2.SendRequest) -> push_pb2.SendResponse:
        need_project(caller, "")
        answer = await self._doors.send(asked.kind, asked.trigger, unpacked_request(asked.request))
        return push_pb2.SendResponse(answer=packed_answer(answer))

    async def _publish(self, caller: ServiceToken, asked: push_pb2.PublishRequest) -> push_pb2.PublishResponse:
        need_project(caller, asked.project)
        answer = await self._doors.publish(asked.kind, asked.project, asked.topic, unpacked_request(asked.request))
        return push_pb2.PublishResponse(answer=packed_answer(answer))
