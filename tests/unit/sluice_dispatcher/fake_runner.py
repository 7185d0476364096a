"""A runner of a few lines: it holds calls until the test answers them."""

from collections.abc import Callable, Iterable

from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done


class FakeRunner:
    """Is answered for with `answer`; has `slots` for each function version."""

    def __init__(self, slots: int = 100) -> None:
        self.slots = slots
        self.full: set[str] = set()
        """Versions without credit."""
        self.held: list[tuple[Call, Done]] = []
        self.without_instance: set[bytes] = set()
        """Events whose calls no instance has taken."""
        self.calls: list[tuple[bytes, int]] = []
        self.settles: list[tuple[bytes, int]] = []
        self.listeners: list[Callable[[str], None]] = []

    def submit(self, call: Call, done: Done) -> None:
        self.calls.append((call.id, call.attempt))
        self.held.append((call, done))

    def credit(self, function: Function) -> int:
        if function.urn in self.full:
            return 0
        return self.slots - sum(call.function.urn == function.urn for call, _ in self.held)

    def settled(self, calls: Iterable[Call]) -> None:
        self.settles += [(call.id, call.attempt) for call in calls]

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self.listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        for index, (call, done) in enumerate(self.held):
            if call.id == event and (force or event in self.without_instance):
                del self.held[index]
                instance = "" if event in self.without_instance else "i-1"
                done(call, Reply(0, failure=Failure(FailureKind.CANCELLED, "function invocation canceled"), instance=instance))
                return True
        return False

    async def unstarted(self) -> frozenset[bytes]:
        return frozenset(self.without_instance)

    def answer(self, reply: Reply | None = None) -> Call:
        """Answer the oldest call held."""
        call, done = self.held.pop(0)
        done(call, reply or Reply(200, b"ok"))
        self.grow(call.function.urn)
        return call

    def grow(self, urn: str) -> None:
        for listener in self.listeners:
            listener(urn)


def failed(kind: FailureKind, message: str = "why") -> Reply:
    return Reply(500, failure=Failure(kind, message))
