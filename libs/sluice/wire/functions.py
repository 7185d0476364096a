"""The functions of one Run stream: sent once, then named by number; and how many calls of each the stream may carry."""

from dataclasses import dataclass

from sluice.function import Function
from sluice.v1 import catalog_pb2, run_pb2
from sluice.wire.mirror import pack, unpack

MOST_FUNCTIONS = 4_096


@dataclass(slots=True)
class Numbered:
    """A function on a stream. `limit` and `calls` count from the stream's beginning, the running ones included."""

    number: int
    function: Function
    limit: int = 1
    """One until the runner has said more: never zero for a function that could be started."""
    calls: int = 0


class Announced:
    """The dispatcher's end: functions that the runner knows, and those it is yet to be told of or may forget."""

    def __init__(self) -> None:
        self._by_place: dict[str, Numbered] = {}
        self._by_number: dict[int, Numbered] = {}
        self._next = 1
        self.unsaid: list[Numbered] = []
        self._forgotten: list[int] = []

    def of(self, function: Function) -> Numbered:
        """The function's entry; one of which anything is different is another function: its maximum may change alone."""
        numbered = self._by_place.get(function.place)
        if numbered is not None:
            if numbered.function is function:
                return numbered
            if numbered.function == function:
                numbered.function = function
                return numbered
            self._forget(numbered)
        elif len(self._by_place) >= MOST_FUNCTIONS:
            self._forget(next(iter(self._by_place.values())))
        numbered = Numbered(self._next, function)
        self._next += 1
        self._by_place[function.place] = self._by_number[numbered.number] = numbered
        self.unsaid.append(numbered)
        return numbered

    def grant(self, credit: run_pb2.Credit) -> str:
        """Take a limit; the place (`Function.place`) whose credit has grown, or ""."""
        numbered = self._by_number.get(credit.function)
        if numbered is None:
            return ""
        grown = credit.limit > numbered.limit
        numbered.limit = credit.limit
        return numbered.function.place if grown else ""

    def places(self) -> list[str]:
        return list(self._by_place)

    def say(self, message: run_pb2.RunRequest) -> None:
        """Put into the message what the runner must know before its calls, and what it may forget after them."""
        for numbered in self.unsaid:
            packed = pack(numbered.function, catalog_pb2.Function)
            message.functions.append(run_pb2.NumberedFunction(number=numbered.number, function=packed))
        message.forgotten.extend(self._forgotten)
        self.unsaid, self._forgotten = [], []

    def _forget(self, numbered: Numbered) -> None:
        del self._by_place[numbered.function.place]
        del self._by_number[numbered.number]
        self._forgotten.append(numbered.number)


class Known:
    """The runner's end: functions by the numbers that calls name."""

    def __init__(self) -> None:
        self.by_number: dict[int, Numbered] = {}
        self._by_place: dict[str, Numbered] = {}

    def hear(self, message: run_pb2.RunRequest) -> list[Numbered]:
        """The functions named anew."""
        fresh: list[Numbered] = []
        for packed in message.functions:
            numbered = Numbered(packed.number, unpack(packed.function, Function), limit=0)
            self.by_number[packed.number] = self._by_place[numbered.function.place] = numbered
            fresh.append(numbered)
        return fresh

    def of(self, place: str) -> Numbered | None:
        return self._by_place.get(place)

    def forget(self, number: int) -> None:
        numbered = self.by_number.pop(number, None)
        if numbered is not None and self._by_place.get(numbered.function.place) is numbered:
            del self._by_place[numbered.function.place]
