"""A runner in another process (`sluice.runner.Runner`)."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sluice.errors import SluiceError
from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done
from sluice.v1 import run_pb2
from sluice.wire.calls import pack_calls, pack_keys, unpack_keys
from sluice.wire.columns import Malformed
from sluice.wire.events import MAX_BODY_BYTES, unpack_replies
from sluice.wire.faults import Fenced
from sluice.wire.functions import Announced
from sluice.wire.held import Key
from sluice.wire.link import Link, Notice, unnoticed
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer
from sluice.wire.pipe import Pipe
from sluice.wire.receipts import Receipts

UNSTARTED_S = 2.0
"""Whoever asks for a list of events does not wait longer for the runner's word."""

RunPipe = Pipe[run_pb2.RunRequest, run_pb2.RunResponse]


@dataclass(slots=True, eq=False)
class Flight:
    """A call and who waits for it."""

    call: Call
    done: Done
    sent: bool = False
    beats: int = 0


class RemoteRunner:
    """Calls outlive the stream: a reconnect to the same process of the runner goes on where it was. Another process means that what was
    sent to the old one is LOST. A call that finds no runner for `patience_s` gets NO_CAPACITY. Once fenced, everything is LOST."""

    def __init__(self, peer: Peer, lease: str, epoch: int, pace: Pace | None = None, notice: Notice = unnoticed) -> None:
        self._pace = pace or Pace()
        self._lease = lease
        self._epoch = epoch
        self._process = secrets.token_hex(16)
        self._runner = ""
        self._asker = Asker(peer, "Runner")
        self._link = Link(peer, "Runner.Run", self, run_pb2.RunResponse, self._pace, notice)
        self._flights: dict[Key, Flight] = {}
        self._receipts = Receipts()
        self._listeners: list[Callable[[str], None]] = []
        self._places: set[str] = set()
        self._away = 0
        self.fenced = False
        self._tasks: list[asyncio.Task[None]] = []
        self._fresh()

    def _fresh(self) -> None:
        """Nothing has been said on the stream."""
        self._pipe: RunPipe | None = None
        self.connected = False
        self._greeted = False
        self._queue: deque[Flight] = deque()
        self._functions = Announced()
        self._cancels: list[bytes] = []
        self._withdrawn: list[bytes] = []
        self._travelling: deque[int] = deque()
        self._free_size = self._pace.window_size // 2
        self._arrived = 0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.ensure_future(self._link.run()), asyncio.ensure_future(self._beating())]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._asker.close()
        self._answer_all(Failure(FailureKind.LOST, "the link to the runner was closed"))

    # The port.

    def submit(self, call: Call, done: Done) -> None:
        if self.fenced or len(call.body) > MAX_BODY_BYTES:
            failure = (
                Failure(FailureKind.LOST, "another dispatcher has taken over")
                if self.fenced
                else Failure(FailureKind.REFUSED, f"no runner takes {len(call.body)} bytes")
            )
            self._loop.call_soon(done, call, Reply(0, failure=failure))
            return
        flight = self._flights[(call.id, call.attempt)] = Flight(call, done)
        if self.connected:
            self._enqueue(flight)

    def settled(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._receipts.settle((call.id, call.attempt))

    def credit(self, function: Function) -> int:
        if not self.connected:
            self._places.add(function.place)
            return 0
        numbered = self._functions.of(function)
        if self._functions.unsaid and self._pipe is not None:
            self._pipe.wake()
        return max(0, numbered.limit - numbered.calls)

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        for key, flight in self._flights.items():
            if key[0] == event:
                self._cancel(key, flight, force)
                return True
        return False

    async def unstarted(self) -> frozenset[bytes]:
        """Those of all dispatchers; those that were not sent, if the runner does not answer."""
        waiting = frozenset(key[0] for key, flight in self._flights.items() if not flight.sent)
        try:
            answer = await self._asker.ask("Unstarted", run_pb2.UnstartedRequest(), run_pb2.UnstartedResponse, UNSTARTED_S)
        except SluiceError:
            return waiting
        return waiting.union(answer.events)

    def _cancel(self, key: Key, flight: Flight, force: bool) -> None:
        if flight.sent:
            (self._cancels if force else self._withdrawn).append(key[0])
            self._wake()
            return
        del self._flights[key]
        failure = Failure(FailureKind.CANCELLED, "function invocation canceled")
        self._loop.call_soon(flight.done, flight.call, Reply(0, failure=failure))

    # The talk.

    def opened(self, pipe: RunPipe) -> None:
        self._fresh()
        self._pipe = pipe

    def closed(self, why: SluiceError) -> None:
        self._places.update(self._functions.places())
        self._fresh()
        if isinstance(why, Fenced):
            self.fenced = True
            self._answer_all(Failure(FailureKind.LOST, str(why)))

    def waiting(self) -> int:
        if not self._greeted:
            return 1
        if self._queue and self._free_size > 0:
            ready = min(len(self._queue), self._pace.window_events // 2 - len(self._travelling))
            if ready > 0:
                return ready
        return int(bool(self._functions.unsaid or self._cancels or self._withdrawn))

    def compose(self) -> run_pb2.RunRequest:
        if not self._greeted:
            self._greeted = True
            waiting = [key for key, flight in self._flights.items() if flight.sent] + self._receipts.reconnected()
            hello = run_pb2.Hello(lease=self._lease, epoch=self._epoch, process=self._process, waiting=pack_keys(waiting))
            return run_pb2.RunRequest(hello=hello)
        taken = self._take()
        numbers = [self._functions.of(flight.call.function).number for flight in taken]
        message = run_pb2.RunRequest(
            calls=pack_calls([flight.call for flight in taken], numbers) if taken else None,
            cancels=self._cancels,
            withdrawn=self._withdrawn,
            acknowledged=self._receipts.acknowledged,
        )
        self._cancels, self._withdrawn = [], []
        self._functions.say(message)
        return message

    def heard(self, message: run_pb2.RunResponse) -> None:
        if message.HasField("welcome"):
            self._welcome(message.welcome)
        self._arrive(message.received)
        if message.number:
            self._replies(message)
        for credit in message.credits:
            place = self._functions.grant(credit)
            if place:
                self._tell_credit(place)

    def beat(self) -> None:
        """`_beating` looks after what gets old, also between streams."""

    # What is between them.

    def _wake(self) -> None:
        if self._pipe is not None:
            self._pipe.wake()

    def _enqueue(self, flight: Flight) -> None:
        self._functions.of(flight.call.function).calls += 1
        self._queue.append(flight)
        self._wake()

    def _take(self) -> list[Flight]:
        """What one message holds, now sent; at least one, however large."""
        room = min(self._pace.events, self._pace.window_events // 2 - len(self._travelling))
        size = self._pace.size
        taken: list[Flight] = []
        while self._queue and len(taken) < room and self._free_size > 0:
            flight = self._queue[0]
            size -= len(flight.call.body)
            if size < 0 and taken:
                break
            self._queue.popleft()
            if self._flights.get((flight.call.id, flight.call.attempt)) is not flight:
                # cancelled while it waited here: its place in the limit is given up by the runner's next word
                self._functions.of(flight.call.function).calls -= 1
                continue
            flight.sent = True
            taken.append(flight)
            self._free_size -= len(flight.call.body)
            self._travelling.append(len(flight.call.body))
        return taken

    def _welcome(self, welcome: run_pb2.Welcome) -> None:
        if self._runner and welcome.process != self._runner:
            lost = Failure(FailureKind.LOST, "the runner's process has ended")
            for key in [key for key, flight in self._flights.items() if flight.sent]:
                self._answer(key, Reply(0, failure=lost))
            self._receipts.forget()
        self._runner = welcome.process
        self.connected = True
        self._away = 0
        held = frozenset(unpack_keys(welcome.held))
        for key, flight in self._flights.items():
            flight.beats = 0
            if not (flight.sent and key in held):
                flight.sent = False
                self._enqueue(flight)
        places, self._places = self._places, set()
        for place in places:
            self._tell_credit(place)

    def _arrive(self, received: int) -> None:
        while self._arrived < received and self._travelling:
            self._arrived += 1
            self._free_size += self._travelling.popleft()
        if self._queue:
            self._wake()

    def _replies(self, message: run_pb2.RunResponse) -> None:
        keys, replies = unpack_keys(message.keys), unpack_replies(message.replies)
        if len(keys) != len(replies):
            raise Malformed(f"{len(replies)} replies to {len(keys)} calls")
        flights, receipts = self._flights, self._receipts
        unknown = [key for key in keys if key not in flights and not receipts.knows(key)]
        receipts.arrived(message.number, keys)
        for key, reply in zip(keys, replies, strict=True):
            flight = flights.pop(key, None)
            if flight is not None:
                flight.done(flight.call, reply)
        for key in unknown:  # given up meanwhile: nobody settles it
            receipts.settle(key)

    def _answer(self, key: Key, reply: Reply) -> None:
        flight = self._flights.pop(key, None)
        if flight is not None:
            flight.done(flight.call, reply)

    def _answer_all(self, failure: Failure) -> None:
        for key in list(self._flights):
            self._answer(key, Reply(0, failure=failure))

    def _tell_credit(self, place: str) -> None:
        for listener in self._listeners:
            listener(place)

    async def _beating(self) -> None:
        while True:
            await asyncio.sleep(self._pace.beat_s)
            if not self.connected:
                self._wait_on()

    def _wait_on(self) -> None:
        """A beat without a runner."""
        self._away += 1
        if self._away * self._pace.beat_s > self._pace.keep_s:
            self._answer_all(Failure(FailureKind.LOST, "the runner has been away for too long"))
        for key, flight in list(self._flights.items()):
            flight.beats += 1
            if not flight.sent and flight.beats * self._pace.beat_s > self._pace.patience_s:
                self._answer(key, Reply(0, failure=Failure(FailureKind.NO_CAPACITY, "the runner cannot be reached")))
