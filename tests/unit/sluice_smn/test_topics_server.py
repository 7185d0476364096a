"""Publishing over gRPC."""

import json
from pathlib import Path

import pytest

from sluice.push import Answer, Request, problem
from sluice.v1 import dispatch_pb2, topics_pb2
from sluice.wire.faults import PermissionDenied, Unauthenticated
from sluice.wire.peer import Asker, Peer
from sluice.wire.server import WireServer
from sluice.wire.token import ServiceToken, issue, token_for
from sluice_smn import KIND
from sluice_smn.publication import read
from tests.smn import URN

SECRET = b"a secret of the mesh"


class Noting:
    """Answers what it is told to, and notes what is published."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str, Request]] = []
        self.answer = Answer(200, b'{"request_id":"r","message_id":"m"}')

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        raise NotImplementedError

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        self.got.append((kind, project, topic, request))
        return self.answer


async def publish(folder: Path, doors: Noting, message: topics_pb2.TopicMessage, token: str = "") -> topics_pb2.TopicMessageResult:
    secrets = [SECRET] if token else []
    async with WireServer(f"unix:{folder}/d", KIND.rpcs(doors), secrets) as server:
        asker = Asker(Peer(server.address, lambda: token), "Topics")
        try:
            return await asker.ask("Publish", message, topics_pb2.TopicMessageResult)
        finally:
            await asker.close()


async def test_a_message_is_published_as_over_http(tmp_path: Path) -> None:
    doors = Noting()
    message = topics_pb2.TopicMessage(
        project="p1", topic=URN, subject="host-3", message="disk full ☃", attributes={"severity": "high"}, message_id="mine", trace="00-1"
    )
    told = await publish(tmp_path, doors, message)
    assert (told.verdict, told.message_id) == (dispatch_pb2.VERDICT_DONE, "mine")
    ((kind, project, topic, request),) = doors.got
    assert (kind, project, topic, request.is_known, request.headers["traceparent"]) == ("smn", "p1", URN, True, "00-1")
    notice = read(request.body).notice("r", 0)
    assert (notice.id, notice.message, notice.subject) == ("mine", "disk full ☃".encode(), "host-3")
    assert json.loads(notice.attributes) == {"severity": "high"}


async def test_a_message_without_an_id_is_given_one(tmp_path: Path) -> None:
    doors = Noting()
    told = [await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p1", topic=URN, message="x")) for _ in range(2)]
    assert told[0].message_id != told[1].message_id
    assert [read(request.body).message_id for *_, request in doors.got] == [one.message_id for one in told]


@pytest.mark.parametrize(
    ("answer", "verdict", "retry_after_s"),
    [
        (problem(503, "Service unavailable: full.", retry_after_s=7), dispatch_pb2.VERDICT_RETRY, 7),
        (problem(400, "Invalid parameter: message."), dispatch_pb2.VERDICT_REFUSED, 0),
        (problem(404, "No smn trigger of the project is active."), dispatch_pb2.VERDICT_REFUSED, 0),
    ],
)
async def test_what_is_not_accepted_is_an_answer_too(tmp_path: Path, answer: Answer, verdict: int, retry_after_s: float) -> None:
    doors = Noting()
    doors.answer = answer
    told = await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p1", topic=URN, message="x", message_id="mine"))
    assert (told.verdict, told.retry_after_s, told.message_id) == (verdict, retry_after_s, "mine")
    assert told.reason == json.loads(answer.body)["error_msg"]


async def test_a_token_is_confined_to_its_rpcs_and_its_project(tmp_path: Path) -> None:
    doors = Noting()
    publisher = ServiceToken("publisher", frozenset({"Topics.Publish"}), project="p1")
    told = await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p1", topic=URN, message="x"), issue(publisher, SECRET))
    assert told.verdict == dispatch_pb2.VERDICT_DONE
    with pytest.raises(PermissionDenied):
        await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p2", topic=URN, message="x"), issue(publisher, SECRET))
    with pytest.raises(PermissionDenied):
        await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p1", topic=URN), issue(token_for("kafka"), SECRET))
    with pytest.raises(Unauthenticated):
        await publish(tmp_path, doors, topics_pb2.TopicMessage(project="p1", topic=URN), "nothing")
    assert len(doors.got) == 1
