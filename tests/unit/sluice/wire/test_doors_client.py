"""Requests to triggers, over the wire."""

from contextlib import aclosing, nullcontext
from pathlib import Path

import pytest

from sluice.errors import Unavailable
from sluice.push import Answer, Request
from sluice.wire.doors_client import RemoteDoors
from sluice.wire.doors_server import PushService
from sluice.wire.faults import PermissionDenied
from sluice.wire.peer import Peer
from sluice.wire.server import WireServer
from sluice.wire.token import issue, token_for

SECRET = b"0123456789abcdef"
REQUEST = Request(
    method="PUT",
    path="/v1/a%2Fb",
    query="a=1&b",
    headers={"content-type": "text/plain", "x-ü": "ü"},
    body=bytes(range(256)),
    sender="127.0.0.1",
    is_local=True,
    is_known=True,
    id="0a0b",
)
ANSWER = Answer(207, b"\0\xff", (("retry-after", "1"), ("x", "y")))


class Noting:
    def __init__(self) -> None:
        self.got: list[tuple[object, ...]] = []

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        self.got.append((kind, trigger, request))
        return ANSWER

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        self.got.append((kind, project, topic, request))
        return ANSWER


async def test_requests_and_answers_arrive_as_they_are(tmp_path: Path) -> None:
    noting = Noting()
    async with (
        WireServer(f"unix:{tmp_path}/s", [PushService(noting)]) as server,
        aclosing(RemoteDoors({"smn": Peer(server.address)})) as doors,
    ):
        assert await doors.send("smn", "t", REQUEST) == ANSWER
        assert await doors.publish("smn", "p1", "urn:smn:x", Request()) == ANSWER
        assert (await doors.send("lts", "t", REQUEST)).status == 404
        assert (await doors.publish("lts", "p1", "t", REQUEST)).status == 404
    assert noting.got == [("smn", "t", REQUEST), ("smn", "p1", "urn:smn:x", Request())]


@pytest.mark.parametrize(
    ("service", "may_send", "may_publish"),
    [("gateway", True, True), ("control", False, True), ("kafka", False, False), ("dispatcher", False, False)],
)
async def test_the_gateway_passes_requests_on_and_control_publishes(
    tmp_path: Path, service: str, may_send: bool, may_publish: bool
) -> None:
    peer = Peer(f"unix:{tmp_path}/s", lambda: issue(token_for(service), SECRET))
    async with WireServer(peer.address, [PushService(Noting())], [SECRET]), aclosing(RemoteDoors({"smn": peer})) as doors:
        for may, asked in ((may_send, doors.send("smn", "t", REQUEST)), (may_publish, doors.publish("smn", "p1", "t", REQUEST))):
            with nullcontext() if may else pytest.raises(PermissionDenied):
                assert await asked == ANSWER


async def test_a_service_that_is_away_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(RemoteDoors({"smn": Peer(f"unix:{tmp_path}/s")})) as doors:
        with pytest.raises(Unavailable):
            await doors.send("smn", "t", REQUEST)
