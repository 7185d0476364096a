"""`event_data` of CTS."""

import pytest

from sluice.errors import Invalid
from sluice.trigger_options import judge
from sluice_cts import KIND
from sluice_cts.settings import CtsSettings


def test_operations_are_checked_with_functiongraphs_codes() -> None:
    with pytest.raises(Invalid, match="is there twice") as caught:
        judge(KIND, "CTS", {"name": "n", "operations": ["a:b:c", "a:b:c"]})
    assert caught.value.code == "FSS.1316"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"operations": ["a:b:c"]}, "name"),
        ({"name": "n"}, "operations"),
        ({"name": "n", "operations": []}, "operations"),
        ({"name": "n" * 65, "operations": ["a:b:c"]}, "name"),
        ({"name": "n", "operations": ["a:b:c"], "batch": 1}, "batch"),
    ],
)
def test_a_fault_is_named(data: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid, match=field):
        judge(KIND, "CTS", data)


def test_the_sample_is_one_that_the_trigger_is_for() -> None:
    for operations in (["*:*:*"], ["ECS:ecs;server:start;stop"]):
        settings = CtsSettings(name="n", operations=operations)
        match = KIND.matcher(settings, "")
        assert match is not None
        assert match(KIND.sample(settings)) == ""
