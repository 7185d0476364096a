"""What control says of the others."""

from collections.abc import Sequence

from sluice.errors import Unavailable
from sluice.metrics import Sample
from sluice.status import Check
from sluice_control.doctor import asked, connected, listening


class Alive:
    async def figures(self) -> Sequence[Sample]:
        raise NotImplementedError

    async def checks(self) -> Sequence[Check]:
        return [Check("disk", False, "full")]


class Dead(Alive):
    async def checks(self) -> Sequence[Check]:
        raise Unavailable("connection refused")


async def test_a_service_that_answers_says_how_it_is() -> None:
    assert await asked("dispatcher", Alive()) == [Check("dispatcher", True, "answers"), Check("disk", False, "full")]


async def test_a_dead_service_is_a_fault() -> None:
    assert await asked("runner", Dead()) == [Check("runner", False, "does not answer: connection refused")]


def test_a_service_that_follows_the_catalog_is_there_and_one_that_is_needed_and_does_not_is_a_fault() -> None:
    found = connected({"gateway": 7, "timer": 6}, {"gateway", "kafka"})
    assert [(check.name, check.ok) for check in found] == [("gateway", True), ("kafka", False)]


def test_an_address_that_other_machines_reach_is_named() -> None:
    assert listening({"gateway": "127.0.0.1:1", "runner": "[::1]:2"}) == Check(
        "listening", True, "gateway on 127.0.0.1:1, runner on [::1]:2"
    )
    found = listening({"gateway": "192.0.2.1:1", "runner": "unix:/r"})
    assert not found.ok
    assert found.detail.endswith("; other machines reach: gateway")
