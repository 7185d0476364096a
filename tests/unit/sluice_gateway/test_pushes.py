"""The way through the gateway to triggers whose sources push."""

import json

import pytest

from sluice.catalog import Change, Key
from sluice.errors import Unavailable
from sluice.identity import APP
from sluice.push import MAX_PUSH_BYTES, Answer, Request
from sluice_gateway.pushes import Place, place_of
from tests.unit.sluice_gateway.door import PROJECT, SECRET_KEY, Door

CODE = "APPKEY_code"


class Doors:
    """Notes what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str, Request]] = []
        self.answer = Answer(202, b"ok", (("x-told", "yes"),))
        self.failure: Exception | None = None

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        return self._take(kind, "", trigger, request)

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        return self._take(kind, project, topic, request)

    def _take(self, kind: str, project: str, name: str, request: Request) -> Answer:
        if self.failure:
            raise self.failure
        self.got.append((kind, project, name, request))
        return self.answer


def a_door(*, is_local: bool = True) -> tuple[Door, Doors]:
    doors = Doors()
    return Door(doors=doors, is_local=is_local), doors


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (b"/sluice/v1/push/smn/0a-1", Place("smn", "", "0a-1", "")),
        (b"/sluice/v1/push/lts/0a-1/v1/logs", Place("lts", "", "0a-1", "/v1/logs")),
        (b"/sluice/v1/push/lts/0a/a%2Fb", Place("lts", "", "0a", "/a%2Fb")),
        (b"/sluice/v1/push/lts", None),
        (b"/sluice/v1/push/lts/Not-An-Id", None),
        (b"/sluice/v1/p1/publish/smn/urn:smn:r:p1:alerts", Place("smn", "p1", "urn:smn:r:p1:alerts", "")),
        (b"/sluice/v1/p1/publish/lts/a%2Fb/v1/logs", Place("lts", "p1", "a/b", "/v1/logs")),
        (b"/v2/p1/notifications/topics/urn:smn:r:p1:alerts/publish", Place("smn", "p1", "urn:smn:r:p1:alerts", "")),
        (b"/v2/p1/notifications/topics/urn%3Asmn%3Ar%3Ap1%3Aalerts/publish", Place("smn", "p1", "urn:smn:r:p1:alerts", "")),
        (b"/v2/p1/notifications/topics/alerts/publish/more", None),
        (b"/sluice/v1/p1/publish/smn", None),
        (b"/sluice/v1/p1/triggers", None),
    ],
)
def test_the_path_says_where_a_request_goes(path: bytes, place: Place | None) -> None:
    assert place_of(path) == place


async def test_a_request_to_a_trigger_arrives_as_it_came_and_its_answer_goes_back() -> None:
    door, doors = a_door()
    answer = await door.ask("PUT", "/sluice/v1/push/smn/0a/x%20y?a=1", b"body", {"Authorization": "Bearer t", "X-Two": "1"})
    assert (answer.status, answer.body, answer.headers["x-told"]) == (202, b"ok", "yes")
    ((kind, _, trigger, request),) = doors.got
    assert (kind, trigger, request.method, request.path, request.query, request.body) == ("smn", "0a", "PUT", "/x%20y", "a=1", b"body")
    assert (request.headers["authorization"], request.headers["x-two"]) == ("Bearer t", "1")
    assert (request.sender, request.is_local, request.is_known) == ("198.51.100.7", True, False)


async def test_a_request_has_the_id_that_its_sender_is_told() -> None:
    door, doors = a_door()
    told = [(await door.ask("POST", "/sluice/v1/push/smn/0a")).headers["x-cff-request-id"] for _ in range(2)]
    assert told[0] != told[1]
    assert [request.id for *_, request in doors.got] == told


async def test_a_gateway_that_others_reach_says_so() -> None:
    door, doors = a_door(is_local=False)
    await door.ask("POST", "/sluice/v1/push/smn/0a")
    assert not doors.got[0][3].is_local


async def test_publishing_wants_a_key_of_the_project_and_the_trigger_does_not_see_it() -> None:
    door, doors = a_door()
    path = f"/sluice/v1/{PROJECT}/publish/smn/urn:smn:local-1:p1:alerts"
    assert (await door.ask("POST", path, b"hi")).status == 401
    assert (await door.ask_signed("POST", "/sluice/v1/p2/publish/smn/a", b"hi")).status == 401
    assert doors.got == []
    assert (await door.ask_signed("POST", path, b"hi")).status == 202
    ((kind, project, topic, request),) = doors.got
    assert (kind, project, topic, request.body, request.is_known) == ("smn", PROJECT, "urn:smn:local-1:p1:alerts", b"hi", True)
    assert "authorization" not in request.headers


async def test_a_role_that_may_not_invoke_may_not_publish() -> None:
    door = Door(doors=Doors())
    door.key("READER", role="reader")
    assert (await door.ask_signed("POST", f"/sluice/v1/{PROJECT}/publish/smn/a", access_key="READER")).status == 403


@pytest.mark.parametrize(("triggers", "project", "status"), [((), PROJECT, 202), (("t9",), PROJECT, 403), ((), "p2", 401)])
async def test_an_app_publishes_with_its_code_unless_it_is_confined(triggers: tuple[str, ...], project: str, status: int) -> None:
    door, doors = a_door()
    key = Key("APPKEY", SECRET_KEY, project, APP, app_code=CODE, triggers=triggers)
    door.snapshot.apply(Change(1, key=key))
    answer = await door.ask("POST", f"/sluice/v1/{PROJECT}/publish/smn/a", b"hi", {"X-Apig-AppCode": CODE})
    assert answer.status == status
    assert [request.headers.get("x-apig-appcode") for *_, request in doors.got] == ([None] if status == 202 else [])


async def test_a_body_too_large_is_refused_before_it_is_read() -> None:
    door, doors = a_door()
    answer = await door.ask("POST", "/sluice/v1/push/smn/0a", b"", {"Content-Length": str(MAX_PUSH_BYTES + 1)})
    assert (answer.status, doors.got) == (413, [])


async def test_a_kind_whose_service_is_away_is_503() -> None:
    door, doors = a_door()
    doors.failure = Unavailable("smn is away", 3)
    answer = await door.ask("POST", "/sluice/v1/push/smn/0a")
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")


async def test_where_nothing_is_pushed_to_the_path_leads_nowhere() -> None:
    answer = await Door().ask("POST", "/sluice/v1/push/smn/0a")
    assert answer.status == 404
    assert "smn" in json.loads(answer.body)["error_msg"]
