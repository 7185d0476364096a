"""Whether what many clients saw at once could have happened one after another (Wing and Gong's search, with the states it has been in)."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """One operation: when it was sent and answered, what it was, and what was answered."""

    sent: float
    answered: float
    what: Any
    answer: Any


Model = Callable[[Hashable, Any], tuple[Hashable, Any]]
"""From a state and an operation to the next state and the answer."""


def has_serial_order(history: Iterable[Seen], model: Model, begin: Hashable) -> bool:
    """Some order explains every answer, in which nothing comes before what had been answered when it was sent."""
    operations = sorted(history)
    everything = (1 << len(operations)) - 1
    waiting: list[tuple[int, Hashable]] = [(0, begin)]
    known = set(waiting)
    while waiting:
        done, state = waiting.pop()
        if done == everything:
            return True
        for number in _next(operations, done):
            after, answer = model(state, operations[number].what)
            step = (done | 1 << number, after)
            if answer == operations[number].answer and step not in known:
                known.add(step)
                waiting.append(step)
    return False


def _next(operations: list[Seen], done: int) -> list[int]:
    """Those that may come first among the rest: sent before any of the rest was answered."""
    rest = [number for number in range(len(operations)) if not done >> number & 1]
    first = min(operations[number].answered for number in rest)
    return [number for number in rest if operations[number].sent <= first]
