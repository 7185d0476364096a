"""Which traces a trigger is for."""

import pytest

from sluice.event import Record
from sluice_cts.operations import MOST, faults, parsed, selection


def trace(service: str, resource: str, name: str) -> Record:
    return Record(
        b'{"service_type":"%b","resource_type":"%b","trace_name":"%b"}' % (service.encode(), resource.encode(), name.encode()), "", "", 0
    )


@pytest.mark.parametrize(
    ("operations", "words", "chosen"),
    [
        (["ECS:ecs;server:restartServer;deleteServer"], ("ECS", "server", "deleteServer"), True),
        (["ECS:ecs;server:restartServer;deleteServer"], ("ECS", "server", "createServer"), False),
        (["ECS:ecs;server:restartServer;deleteServer"], ("ECS", "volume", "deleteServer"), False),
        (["ECS:ecs;server:restartServer;deleteServer"], ("EVS", "server", "deleteServer"), False),
        (["ECS:ecs:a", "core:pods:*"], ("core", "pods", "watch"), True),
        (["*:pods:delete"], ("core", "pods", "delete"), True),
        (["apps:*:*"], ("core", "pods", "delete"), False),
    ],
)
def test_a_trace_is_chosen_by_service_resource_and_operation(operations: list[str], words: tuple[str, str, str], chosen: bool) -> None:
    match = selection(operations)
    for _ in range(2):  # a decision that is remembered is the same
        assert (match(trace(*words)) == "") is chosen


def test_what_is_no_trace_is_not_chosen() -> None:
    for value in (None, b"", b"[]", b"{}", b"\xff"):
        assert selection(["*:*:*"])(Record(value, "", "", 0))


@pytest.mark.parametrize("text", ["", "a", "a:b", "a:b:c:d", "a::c", "a:b;:c", ":b:c", "a;b:c:d"])
def test_what_is_no_operation_is_named(text: str) -> None:
    assert parsed(text) is None
    ((code, fault),) = faults([text])
    assert (code, fault.field) == ("FSS.0400", "operations")


def test_twice_the_same_and_too_many_have_codes_of_their_own() -> None:
    assert [code for code, _ in faults(["a:b;c:d", "a:c;b:d"])] == ["FSS.1316"]
    assert [code for code, _ in faults([f"a:b:{number}" for number in range(MOST + 1)])] == ["FSS.1313"]
    assert not list(faults([f"a:b:{number}" for number in range(MOST)]))
