"""The triggers of a process that are pushed to."""

import asyncio

import msgspec
import pytest

from sluice.binding import Binding
from sluice.host.doors import LocalDoors
from sluice.push import Answer, Request, Serve, problem
from tests.conformance.bench import BINDING

REQUEST = Request(body=b"hi")


def binding(trigger: str, *, kind: str = "smn", project: str = "p1") -> Binding:
    return msgspec.structs.replace(BINDING, trigger=trigger, kind=kind, project=project)


def answering(status: int) -> Serve:
    async def serve(request: Request) -> Answer:
        return Answer(status, request.body)

    return serve


async def test_a_trigger_answers_at_its_own_address_and_under_no_other_kind() -> None:
    doors = LocalDoors(list)
    doors.open(binding("t"), answering(202), ())
    assert await doors.send("smn", "t", REQUEST) == Answer(202, b"hi")
    assert (await doors.send("lts", "t", REQUEST)).status == 404
    assert (await doors.send("smn", "other", REQUEST)).status == 404


async def test_every_trigger_of_the_project_that_serves_a_topic_gets_what_is_published() -> None:
    doors, got = LocalDoors(list), list[str]()

    def noting(name: str) -> Serve:
        async def serve(request: Request) -> Answer:
            got.append(name)
            return Answer(202)

        return serve

    doors.open(binding("one"), noting("one"), ("a", "b"))
    doors.open(binding("two"), noting("two"), ("a",))
    doors.open(binding("foreign", project="p2"), noting("foreign"), ("a",))
    doors.open(binding("lts", kind="lts"), noting("lts"), ("a",))
    assert (await doors.publish("smn", "p1", "a", REQUEST)).status == 202
    assert sorted(got) == ["one", "two"]
    assert (await doors.publish("smn", "p1", "c", REQUEST)).status == 404


@pytest.mark.parametrize(("statuses", "answered"), [((202, 503, 400), 503), ((202, 429, 400), 429), ((202, 400), 400), ((202, 200), 202)])
async def test_a_publisher_is_answered_as_the_one_that_was_worst_off(statuses: tuple[int, ...], answered: int) -> None:
    doors = LocalDoors(list)
    for number, status in enumerate(statuses):
        doors.open(binding(f"t{number}"), answering(status), ("a",))
    assert (await doors.publish("smn", "p1", "a", REQUEST)).status == answered


async def test_while_a_trigger_is_being_started_the_sender_is_told_to_come_again() -> None:
    starting = [binding("t")]
    doors = LocalDoors(lambda: starting)
    for answer in (await doors.send("smn", "t", REQUEST), await doors.publish("smn", "p1", "a", REQUEST)):
        assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
    assert (await doors.publish("smn", "p2", "a", REQUEST)).status == 404
    starting.clear()
    assert (await doors.send("smn", "t", REQUEST)).status == 404


async def test_a_run_that_ends_late_does_not_shut_the_door_of_the_next() -> None:
    doors = LocalDoors(list)
    first, second = answering(201), answering(202)
    doors.open(binding("t"), first, ("a",))
    doors.open(binding("t"), second, ("b",))
    doors.shut(binding("t"), first)
    assert (await doors.send("smn", "t", REQUEST)).status == 202
    assert (await doors.publish("smn", "p1", "a", REQUEST)).status == 404
    doors.shut(binding("t"), second)
    assert (await doors.send("smn", "t", REQUEST)).status == 404
    assert (await doors.publish("smn", "p1", "b", REQUEST)).status == 404


async def test_a_bug_of_one_trigger_is_a_500_and_the_others_still_get_it() -> None:
    async def broken(request: Request) -> Answer:
        raise ZeroDivisionError

    doors = LocalDoors(list)
    doors.open(binding("t"), broken, ("a",))
    doors.open(binding("u"), answering(202), ("a",))
    assert (await doors.publish("smn", "p1", "a", REQUEST)).status == 500
    assert (await doors.send("smn", "u", REQUEST)).status == 202


async def test_a_request_whose_trigger_ends_under_it_is_told_to_come_again() -> None:
    waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    async def serve(request: Request) -> Answer:
        return await waiting

    doors = LocalDoors(list)
    doors.open(binding("t"), serve, ())
    asking = asyncio.create_task(doors.send("smn", "t", REQUEST))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await asking).status == 503


async def test_a_sender_that_goes_away_cancels_its_request() -> None:
    async def serve(request: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    doors = LocalDoors(list)
    doors.open(binding("t"), serve, ())
    asking = asyncio.create_task(doors.send("smn", "t", REQUEST))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def test_a_problem_says_what_is_wrong_and_when_to_come_again() -> None:
    answer = problem(503, "No room.", retry_after_s=0.2)
    assert msgspec.json.decode(answer.body) == {"error_code": "FSS.0503", "error_msg": "No room."}
    assert dict(answer.headers) == {"content-type": "application/json", "retry-after": "1"}
