"""What headers choose: the version behind an alias, and the memory of the instance."""

import pytest

from sluice.choice import memory_for, memory_of, version_for, version_of, written
from sluice.errors import Invalid
from sluice.function import Alias, Function, HeaderRule

GREY = HeaderRule("X-Grey", "=", "yes")
REGION = HeaderRule("x-region", "in", "north, south")
F = Function("urn:fss:r:p:function:default:f:v1", memory_mb=256, dynamic_memory=True)


def alias(*rules: HeaderRule, combine: str = "and") -> Alias:
    return Alias("urn:fss:r:p:function:default:f:!a", "v1", "v2", rules=rules, combine=combine)


@pytest.mark.parametrize(
    ("combine", "headers", "version"),
    [
        ("and", {"x-grey": "yes", "x-region": "north"}, "v2"),
        ("and", {"x-grey": "yes", "x-region": "south"}, "v2"),
        ("and", {"x-grey": "yes", "x-region": "east"}, "v1"),
        ("and", {"x-grey": "yes"}, "v1"),
        ("or", {"x-grey": "yes"}, "v2"),
        ("or", {"x-region": "south"}, "v2"),
        ("or", {"x-grey": "no", "x-region": "nor"}, "v1"),
        ("or", {}, "v1"),
        ("or", {"x-grey": "YES"}, "v1"),
    ],
)
def test_rules_are_all_met_or_any_and_a_headers_name_has_no_case(combine: str, headers: dict[str, str], version: str) -> None:
    assert version_for(alias(GREY, REGION, combine=combine), headers) == version


def test_without_rules_nothing_is_chosen() -> None:
    assert version_for(alias(), {"x-grey": "yes"}) == ""
    assert version_for(None, {}) == ""


@pytest.mark.parametrize(("text", "memory_mb"), [("512", 512), (" 512 ", 512), ("256", 0), ("", 0)])
def test_a_memory_size_is_asked_for_in_a_header(text: str, memory_mb: int) -> None:
    assert memory_for(F, {"x-cff-instance-memory": text}) == memory_mb


@pytest.mark.parametrize("text", ["500", "0", "-128", "512MB", "٥١٢", "999999999"])
def test_another_size_than_those_there_are_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="10240") as refused:
        memory_for(F, {"x-cff-instance-memory": text})
    assert refused.value.code == "FSS.0406"


def test_a_function_without_dynamic_memory_ignores_the_header() -> None:
    assert memory_for(Function(F.urn), {"x-cff-instance-memory": "nonsense"}) == 0


@pytest.mark.parametrize(("version", "memory_mb"), [("", 0), ("v2", 0), ("", 512), ("v2", 512)])
def test_a_choice_is_read_as_it_was_written(version: str, memory_mb: int) -> None:
    choice = written(version, memory_mb)
    assert (version_of(choice), memory_of(choice)) == (version, memory_mb)
