"""Which function an event meets."""

import pytest

from sluice.catalog import Change, FunctionGone, Snapshot
from sluice.function import Alias, Asynchronous, Function, HeaderRule

URN = "urn:fss:local-1:p1:function:default:f"
ALIAS = f"{URN}:!a"
EVENT = bytes(16)


def known(*versions: str, alias: Alias | None = None, dynamic_memory: bool = False) -> Snapshot:
    snapshot = Snapshot()
    for version in versions:
        snapshot.apply(Change(1, function=Function(f"{URN}:{version}", max_age_s=60, dynamic_memory=dynamic_memory)))
    if alias:
        snapshot.apply(Change(1, alias=alias))
    return snapshot


def test_a_choice_goes_before_the_hash_and_lasts_while_its_version_does() -> None:
    snapshot = known("v1", "v2", alias=Alias(ALIAS, "v1", "v2", rules=(HeaderRule("a", "=", "b"),)))
    assert snapshot.resolve(ALIAS, EVENT).urn == f"{URN}:v1"
    assert snapshot.resolve(ALIAS, EVENT, "v2").urn == f"{URN}:v2"
    snapshot.apply(Change(2, removed=f"function:{URN}:v2"))
    assert snapshot.resolve(ALIAS, EVENT, "v2").urn == f"{URN}:v1"


def test_a_version_that_was_met_is_kept_while_it_exists() -> None:
    snapshot = known("v1", "v2", alias=Alias(ALIAS, "v2"))
    assert snapshot.resolve(ALIAS, EVENT, version=f"{URN}:v1").urn == f"{URN}:v1"
    snapshot.apply(Change(2, removed=f"function:{URN}:v1"))
    assert snapshot.resolve(ALIAS, EVENT, version=f"{URN}:v1").urn == f"{URN}:v2"


def test_an_alias_with_rules_sends_what_has_no_headers_to_its_main_version() -> None:
    snapshot = known("v1", "v2", alias=Alias(ALIAS, "v1", "v2", rules=(HeaderRule("a", "=", "b"),)))
    assert {snapshot.resolve(ALIAS, number.to_bytes(16, "big")).urn for number in range(200)} == {f"{URN}:v1"}


def test_an_aliass_own_asynchronous_settings_go_before_the_versions() -> None:
    own = Asynchronous(3, 120, on_failure="urn:x")
    snapshot = known("v1", alias=Alias(ALIAS, "v1", asynchronous=own))
    function = snapshot.resolve(ALIAS, EVENT)
    assert (function.max_retries, function.max_age_s, function.on_failure) == (3, 120, "urn:x")
    again = snapshot.resolve(ALIAS, EVENT, version=f"{URN}:v1")
    assert (again.max_retries, again.generation) == (3, function.generation)
    assert snapshot.resolve(f"{URN}:v1", EVENT).max_age_s == 60


def test_another_memory_size_is_another_place_of_the_same_version() -> None:
    snapshot = known("v1", dynamic_memory=True)
    sized = snapshot.resolve(f"{URN}:v1", EVENT, "@512")
    assert (sized.urn, sized.memory_mb, sized.place) == (f"{URN}:v1", 512, f"{URN}:v1@512")
    assert snapshot.resolve(f"{URN}:v1", EVENT).place == f"{URN}:v1"


def test_a_size_is_not_kept_when_the_function_no_longer_allows_it() -> None:
    assert known("v1").resolve(f"{URN}:v1", EVENT, "@512").memory_mb == 128


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(FunctionGone, match="!a does not exist"):
        known("v1").resolve(ALIAS, EVENT)
