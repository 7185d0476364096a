"""Structs and messages that must have the same fields."""

import msgspec
import pytest
from google.protobuf.message import Message

from sluice.binding import Binding
from sluice.catalog import Change, Health, Key
from sluice.function import Alias, Function
from sluice.ledger import Counts, Dead, DeadFilter, Route, Step, Story
from sluice.runner import InstanceState, LogLine
from sluice.v1 import catalog_pb2, records_pb2, run_pb2
from sluice.wire.columns import Malformed
from sluice.wire.mirror import pack, unpack
from tests.unit.sluice.wire.fake_records import BINDING, CHANGES, FUNCTION, STORY, dead

PAIRS: list[tuple[type[msgspec.Struct], type[Message]]] = [
    (Binding, catalog_pb2.Binding),
    (Function, catalog_pb2.Function),
    (Alias, catalog_pb2.Alias),
    (Key, catalog_pb2.Key),
    (Change, catalog_pb2.Change),
    (Health, catalog_pb2.Health),
    (Route, records_pb2.RouteRecord),
    (Step, records_pb2.Step),
    (Story, records_pb2.Story),
    (Dead, records_pb2.DeadEvent),
    (DeadFilter, records_pb2.DeadFilter),
    (Counts, records_pb2.TriggerCounts),
    (LogLine, run_pb2.LogLine),
    (InstanceState, run_pb2.Instance),
]


@pytest.mark.parametrize(("struct", "message"), PAIRS, ids=lambda each: each.__name__)
def test_a_struct_and_its_message_have_the_same_fields(struct: type[msgspec.Struct], message: type[Message]) -> None:
    assert set(struct.__struct_fields__) == {field.name for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(
    ("struct", "message"),
    [
        (BINDING, catalog_pb2.Binding),
        (FUNCTION, catalog_pb2.Function),
        (STORY, records_pb2.Story),
        (dead(7), records_pb2.DeadEvent),
        (DeadFilter(ids=(b"a", b"b")), records_pb2.DeadFilter),
        *[(change, catalog_pb2.Change) for change in CHANGES],
    ],
)
def test_a_struct_comes_back_as_it_went(struct: msgspec.Struct, message: type[Message]) -> None:
    packed = message.FromString(pack(struct, message).SerializeToString())
    assert unpack(packed, type(struct)) == struct


def test_what_no_struct_may_hold_is_malformed() -> None:
    with pytest.raises(Malformed, match="Binding"):
        unpack(catalog_pb2.Binding(mode="sideways"), Binding)
