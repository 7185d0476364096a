"""What a bench says: figures with what they should reach, gathered in rows. Pure."""

import math
import statistics
from collections.abc import Iterable

import msgspec


class Reach(msgspec.Struct, frozen=True):
    """A bound: the figure is met when its median is at least, or at most, this."""

    bound: float
    at_least: bool

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def share(self, value: float) -> float:
        """How much of the bound is reached: 1 or more is met, whichever way the bound goes."""
        if self.at_least:
            return value / self.bound
        return self.bound / value if value > 0 else math.inf


def at_least(bound: float) -> Reach:
    return Reach(bound, at_least=True)


def at_most(bound: float) -> Reach:
    return Reach(bound, at_least=False)


class Figure(msgspec.Struct, frozen=True):
    """One quantity, measured several times. Without a reach it is told for comparison only."""

    name: str
    unit: str
    values: tuple[float, ...]
    reach: Reach | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        return None if self.reach is None else self.reach.met(self.median)


def figure(name: str, unit: str, values: Iterable[float], reach: Reach | None = None) -> Figure:
    return Figure(name, unit, tuple(values), reach)


class Row(msgspec.Struct, frozen=True):
    """One measure of the table. `note` says how it was measured where that is not plain; `skipped` why it was not, and `failed`
    what went wrong: events lost, a service that ended."""

    name: str
    title: str
    figures: tuple[Figure, ...] = ()
    note: str = ""
    skipped: str = ""
    failed: str = ""

    @property
    def missed(self) -> list[Figure]:
        return [each for each in self.figures if each.met is False]


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
