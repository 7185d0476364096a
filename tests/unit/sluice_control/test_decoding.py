"""Bodies decoded with every fault named."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice_control.decoding import decode, read_object


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    depth: Annotated[int, Meta(ge=1)] = 1


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner = msgspec.field(default_factory=Inner)
    numbers: list[int] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.name == "two":
            raise Invalid([Fault("name", "is taken"), Fault("inner", "is odd")], "FSS.1113")
        if self.name == "bad":
            raise ValueError("name is bad")


def faults(data: dict[str, object]) -> tuple[list[str], str]:
    with pytest.raises(Invalid) as refused:
        decode(data, Settings, code_of=lambda field: "FSS.1002" if field == "name" else "FSS.0400", prefix="body")
    return [str(fault) for fault in refused.value.faults], refused.value.code


def test_every_fault_is_named_by_its_path() -> None:
    found, code = faults({"inner": {"depth": 0}, "numbers": [1, "x"], "colour": 1})
    assert found == [
        "body.colour: is not a field here; there are inner, name, numbers",
        "body.name: is mandatory",
        "body.inner.depth: expected `int` >= 1",
        "body.numbers.1: expected `int`, got `str`",
    ]
    assert code == "FSS.0400"


def test_the_code_is_that_of_the_first_fault() -> None:
    assert faults({"name": 1, "numbers": 1})[1] == "FSS.1002"


def test_what_fields_mean_together_is_checked_when_each_is_right() -> None:
    assert faults({"name": "two"}) == (["body.name: is taken", "body.inner: is odd"], "FSS.1113")
    assert faults({"name": "bad"}) == (["body: name is bad"], "FSS.0400")
    assert faults({"name": "two", "numbers": 1})[0] == ["body.numbers: expected `array`, got `int`"]


def test_an_empty_body_is_an_empty_object() -> None:
    assert read_object(b"") == read_object(b"{}") == read_object(b'{"a": null}') == {}


def test_a_null_is_left_out_at_every_depth_but_not_in_a_filter() -> None:
    body = b'{"a": null, "b": {"c": null, "d": 1}, "filter": {"e": null}, "f": [null]}'
    assert read_object(body) == {"b": {"d": 1}, "filter": {"e": None}, "f": [None]}


@pytest.mark.parametrize(
    "body", [b'{"a":' * 700 + b"1" + b"}" * 700, b"[" * 100_000, b'{"a":' * 100_000, b'{"a": "\\ud800"}', b'{"a": 1', b"\x00", b"nan"]
)
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="the body is"):
        read_object(body)
