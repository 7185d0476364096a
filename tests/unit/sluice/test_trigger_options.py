"""What is refused of an `event_data`, for every kind alike. The API and `sluice check` are tested where they call it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding, Mode, Ordering
from sluice.errors import Fault, Invalid
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice.trigger_options import MASK, TriggerOptions, judge, mode_of, not_served, route_of


class Info(msgspec.Struct, forbid_unknown_fields=True):
    timeout: int = 1
    invocation_type: str = "sync"


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    address: str
    batch_size: int = 1
    func_info: Info = msgspec.field(default_factory=Info)

    def __post_init__(self) -> None:
        if self.address == "nowhere":
            raise Invalid([Fault("address", "cannot be reached")], "FSS.1113")


def shape(binding: Binding, settings: Settings, records: Sequence[Record]) -> bytes:
    return b""


def build(binding: Binding, settings: Settings) -> Trigger:
    raise NotImplementedError


PULLED = TriggerKind("made", ("MADE",), Settings, shape, build)
CALLED = TriggerKind("called", ("APIG",), Settings, shape, build, modes=(Mode.SYNC, Mode.ASYNC))


def told(data: dict[str, Any], kind: TriggerKind = PULLED, code: str = "MADE") -> list[str]:
    with pytest.raises(Invalid) as refused:
        judge(kind, code, {"address": "here"} | data)
    return [str(fault) for fault in refused.value.faults]


def test_what_is_right_is_taken_apart() -> None:
    judged = judge(PULLED, "MADE", {"address": "here", "batch_size": 7, "ordering": "key", "filter": {"a": None}, "linger": None})
    assert judged.given == {"address": "here", "batch_size": 7, "ordering": "key", "filter": {"a": None}}
    assert judged.own == {"address": "here", "batch_size": 7}
    assert judged.settings == Settings(address="here", batch_size=7)
    assert judged.options == TriggerOptions(Ordering.KEY, 7, filter='{"a":null}')
    assert judged.mode is Mode.ASYNC


def test_faults_of_the_kind_and_of_every_kind_come_together_and_each_field_once() -> None:
    found = told({"address": 1, "batch_size": "x", "linger": -1, "ordring": "key"})
    assert [line.split(":")[0] for line in found] == ["ordring", "address", "batch_size", "linger"]
    assert found[0].endswith("there are address, batch_size, filter, func_info, linger, max_pending, max_pending_bytes, ordering")


@pytest.mark.parametrize(
    "data",
    [
        {"linger": 301},
        {"linger": float("nan")},
        {"max_pending": 0},
        {"max_pending": 1_000_001},
        {"max_pending_bytes": 1023},
        {"batch_size": 0},
        {"batch_size": -5},
        {"ordering": "sometimes"},
        {"filter": "{"},
        {"filter": {"a": {"like": 1}}},
    ],
)
def test_every_option_has_its_range(data: dict[str, Any]) -> None:
    (fault,) = told(data)
    assert fault.startswith(next(iter(data)))


@pytest.mark.parametrize(("code", "most"), [("KAFKA", 1000), ("RABBITMQ", 1000), ("ROCKETMQ", 1000), ("DDS", 10_000), ("DIS", 10_000)])
def test_the_largest_batch_is_functiongraphs(code: str, most: int) -> None:
    assert judge(PULLED, code, {"address": "here", "batch_size": most}).options.batch_size == most
    assert "batch_size" in told({"batch_size": most + 1}, code=code)[0]


def test_a_kind_whose_events_hold_many_records_has_batches_without_being_asked() -> None:
    many = msgspec.structs.replace(PULLED, batch_size=500)
    assert judge(many, "MADE", {"address": "a"}).options.batch_size == 500
    assert judge(many, "MADE", {"address": "a", "batch_size": 7}).options.batch_size == 7


def test_a_kind_that_answers_one_at_a_time_has_no_batches() -> None:
    assert told({"batch_size": 2}, CALLED, "APIG") == ["batch_size: is 2, and is 1 for this type"]


def test_a_code_is_the_kinds_own_where_it_gives_one() -> None:
    with pytest.raises(Invalid) as refused:
        judge(PULLED, "MADE", {"address": "nowhere", "linger": 999})
    assert refused.value.code == "FSS.1113"
    assert [fault.field for fault in refused.value.faults] == ["address", "linger"]


def test_a_null_is_as_good_as_nothing_at_every_depth() -> None:
    assert judge(CALLED, "APIG", {"address": "here", "func_info": {"timeout": None}}).settings.func_info.timeout == 1


def test_what_an_answer_added_may_be_sent_back_to_a_gateway_trigger_only() -> None:
    assert "invoke_url" not in judge(CALLED, "APIG", {"address": "here", "invoke_url": "http://x"}).given
    assert told({"invoke_url": "http://x"})[0].startswith("invoke_url: is not a field here")


def test_a_mask_is_a_text_like_another() -> None:
    assert judge(PULLED, "MADE", {"address": MASK}).settings.address == MASK


def test_a_trigger_chooses_its_mode_where_its_kind_lets_it() -> None:
    later = {"func_info": {"invocation_type": "async"}}
    assert (mode_of(CALLED, later), mode_of(CALLED, {}), mode_of(CALLED, {"func_info": 1})) == (Mode.ASYNC, Mode.SYNC, Mode.SYNC)


def test_routes_are_the_same_but_for_the_names_of_their_parameters() -> None:
    assert route_of({"path": "/a/{id}/b"}) == route_of({"path": "/a/{x}/b", "req_method": "ANY", "match_mode": "NORMAL"})
    different = [{"path": "/a"}, {"path": "/a", "match_mode": "SWA"}, {"path": "/a", "req_method": "GET"}, {"path": "/a{x}"}]
    assert len({route_of(data) for data in different}) == 4


def test_a_type_that_is_not_served_is_told_what_brings_it() -> None:
    assert not_served("DDS", ["TIMER"]) == 'DDS is not installed here: pip install "sluice[mongo]"'
    assert not_served("MAGIC", ["TIMER", "APIG"]) == "'MAGIC' is none of APIG, TIMER"


@pytest.mark.parametrize("given", [{"ordering": "source"}, {"filter": {"a": 1}}, {"linger": 0.5}])
def test_what_has_no_meaning_while_a_caller_waits_is_refused(given: dict[str, Any]) -> None:
    (name,) = given
    assert told(given, CALLED, "APIG") == [f"{name}: is for events that nobody waits for: this trigger answers its caller"]
    nobody_waits = {"func_info": {"invocation_type": "async"}}
    assert judge(CALLED, "APIG", {"address": "here"} | given | nobody_waits).mode is Mode.ASYNC


def test_an_order_that_a_kind_cannot_keep_is_refused() -> None:
    unkeyed = msgspec.structs.replace(PULLED, orderings=(Ordering.NONE, Ordering.SOURCE))
    assert told({"ordering": "key"}, unkeyed) == ["ordering: is key, and one of none, source for this type"]
    assert judge(unkeyed, "MADE", {"address": "here", "ordering": "source"}).options.ordering is Ordering.SOURCE
