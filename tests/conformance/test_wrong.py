"""The suite is proved: each wrong trigger fails the behaviours it breaks, and no others."""

import asyncio

import pytest

from tests.conformance.bench import Bench
from tests.conformance.canned import LogTrigger, QueueTrigger
from tests.conformance.suite import BEHAVIOURS
from tests.conformance.wrong import WRONG, bench_of


async def failed(bench: Bench, behaviour: str) -> str | None:
    try:
        await BEHAVIOURS[behaviour](bench)
    except (AssertionError, TimeoutError, pytest.fail.Exception):
        return behaviour
    return None


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_trigger_fails_what_it_breaks_and_nothing_else(wrong: type[LogTrigger | QueueTrigger | Bench]) -> None:
    asked = [behaviour for behaviour in BEHAVIOURS if behaviour not in bench_of(wrong).cannot]
    failures = await asyncio.gather(*(failed(bench_of(wrong), behaviour) for behaviour in asked))
    assert {failure for failure in failures if failure} == WRONG[wrong]


def test_every_behaviour_is_broken_by_somebody() -> None:
    assert set().union(*WRONG.values()) == set(BEHAVIOURS)
