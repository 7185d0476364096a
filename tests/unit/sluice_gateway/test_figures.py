"""The dispatcher's figures at the door of a mesh."""

import asyncio
from collections.abc import Sequence

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.metrics import COMMITS, DISPATCHER_UP, ENDED, FILTERED, PENDING, Sample
from sluice.status import Check
from sluice_gateway.figures import KEPT_S, DispatcherFigures

FIGURES: list[Sample] = [(ENDED, ("t", "success"), 3), (PENDING, ("t",), 2), (FILTERED, ("t",), 4), (COMMITS, (), 9)]


class Dispatching:
    def __init__(self) -> None:
        self.asked = 0
        self.gone = False

    async def figures(self) -> Sequence[Sample]:
        self.asked += 1
        await asyncio.sleep(0)  # both ask before the first is answered
        if self.gone:
            raise Unavailable("gone")
        return FIGURES

    async def checks(self) -> Sequence[Check]:
        raise NotImplementedError


async def test_figures_of_events_are_shown_and_asked_for_once_in_a_second() -> None:
    dispatcher, clock = Dispatching(), SteppedClock()
    figures = DispatcherFigures(dispatcher, clock)
    first, second = await asyncio.gather(figures.samples(), figures.samples())
    assert first == second == [(DISPATCHER_UP, (), 1), *FIGURES[:3]]
    assert dispatcher.asked == 1


async def test_figures_of_a_dispatcher_that_is_away_are_absent_and_not_old_ones() -> None:
    dispatcher, clock = Dispatching(), SteppedClock()
    figures = DispatcherFigures(dispatcher, clock)
    await figures.samples()
    dispatcher.gone = True
    clock.advance(KEPT_S)
    assert await figures.samples() == [(DISPATCHER_UP, (), 0)]
    dispatcher.gone = False
    clock.advance(KEPT_S)
    assert (DISPATCHER_UP, (), 1) in await figures.samples()
