"""Functions on a Run stream: named once, and apart by memory size."""

from sluice.function import Function
from sluice.v1 import run_pb2
from sluice.wire.functions import Announced, Known

F = Function("urn:fss:r:p:function:default:f:v1", 3, dynamic_memory=True)


def test_each_memory_size_has_a_number_and_a_limit_of_its_own() -> None:
    announced, known = Announced(), Known()
    plain, large = announced.of(F), announced.of(F.sized(512))
    assert plain is not large
    assert announced.of(F.sized(512)) is large
    message = run_pb2.RunRequest()
    announced.say(message)
    heard = known.hear(run_pb2.RunRequest.FromString(message.SerializeToString()))
    assert [each.function for each in heard] == [F, F.sized(512)]
    assert known.of(F.sized(512).place) is heard[1]
    assert announced.grant(run_pb2.Credit(function=large.number, limit=7)) == f"{F.urn}@512"
    assert (plain.limit, large.limit) == (1, 7)


def test_a_size_that_is_forgotten_leaves_the_others() -> None:
    announced, known = Announced(), Known()
    for function in (F, F.sized(512)):
        announced.of(function)
    message = run_pb2.RunRequest()
    announced.say(message)
    known.hear(message)
    newer = announced.of(Function(F.urn, 4).sized(512))
    message = run_pb2.RunRequest()
    announced.say(message)
    assert [each.number for each in message.functions] == [newer.number]
    known.hear(message)
    for number in message.forgotten:
        known.forget(number)
    assert known.of(F.urn) is not None
    assert known.of(f"{F.urn}@512") is known.by_number[newer.number]
