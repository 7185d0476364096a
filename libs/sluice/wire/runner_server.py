"""The Runner service over a local `sluice.runner.Runner` and its logs."""

import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from sluice.errors import Unavailable
from sluice.runner import LogLine, Logs, Runner
from sluice.v1 import run_pb2
from sluice.wire.calls import pack_keys, unpack_calls, unpack_keys
from sluice.wire.columns import Malformed
from sluice.wire.events import pack_replies
from sluice.wire.faults import Fenced
from sluice.wire.feed import feed
from sluice.wire.functions import Known, Numbered
from sluice.wire.guard import Guard, need_project
from sluice.wire.held import Held, Holdings
from sluice.wire.mirror import pack
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.server import Handlers
from sluice.wire.streams import server_stream, stream, unary
from sluice.wire.token import ServiceToken


class RunnerService:
    """One for the life of the runner: it remembers calls and replies from one stream to the next."""

    name = "Runner"

    def __init__(self, runner: Runner, logs: Logs, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._logs = logs
        self.runner = runner
        self.process = secrets.token_hex(16)
        self.holdings = Holdings(time.monotonic, self._pace.keep_s)
        self._talks: dict[str, RunTalk] = {}
        runner.on_credit(self._credit_grew)

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Run": stream(guard, "Runner.Run", lambda _caller: RunTalk(self, self._pace), run_pb2.RunRequest, self._pace),
            "Unstarted": unary(guard, "Runner.Unstarted", self._unstarted, run_pb2.UnstartedRequest),
            "Instances": unary(guard, "Runner.Instances", self._instances, run_pb2.InstancesRequest),
            "Logs": server_stream(guard, "Runner.Logs", self._lines, run_pb2.LogsRequest),
        }

    def take_over(self, lease: str, talk: "RunTalk", epoch: int) -> None:
        """From now on replies of the lease go to this stream; the one before is closed."""
        before = self._talks.get(lease)
        self._talks[lease] = talk
        if before is not None and before is not talk:
            newer = Fenced(f"epoch {epoch} of the lease {lease} has begun")
            before.pipe.stop(newer if epoch > before.epoch else Unavailable("the dispatcher has connected again"))

    def let_go(self, lease: str, talk: "RunTalk") -> None:
        if self._talks.get(lease) is talk:
            del self._talks[lease]

    def ended(self, held: Held) -> None:
        """A call has its reply: it goes out on the stream of its lease, or waits for one."""
        self.holdings.ended(held)
        talk = self._talks.get(held.lease)
        if talk is not None and talk.process == held.process:
            talk.reply(held)

    def _credit_grew(self, place: str) -> None:
        for talk in self._talks.values():
            talk.credit_grew(place)

    async def _unstarted(self, _caller: ServiceToken, _request: run_pb2.UnstartedRequest) -> run_pb2.UnstartedResponse:
        return run_pb2.UnstartedResponse(events=await self.runner.unstarted())

    async def _instances(self, caller: ServiceToken, request: run_pb2.InstancesRequest) -> run_pb2.InstancesResponse:
        need_project(caller, request.project)
        states = await self._logs.instances(request.project)
        return run_pb2.InstancesResponse(instances=[pack(state, run_pb2.Instance) for state in states])

    async def _lines(self, caller: ServiceToken, request: run_pb2.LogsRequest) -> AsyncGenerator[run_pb2.LogBatch, None]:
        need_project(caller, (request.function.split(":") + [""] * 4)[3])
        lines = self._logs.logs(request.function, since=request.since, limit=request.limit, follow=request.follow)
        async for batch in feed(lines, self._pace):
            yield run_pb2.LogBatch(lines=[_line(line) for line in batch])


def _line(line: LogLine) -> run_pb2.LogLine:
    return pack(line, run_pb2.LogLine)


class RunTalk:
    """One Run stream."""

    pipe: Pipe[run_pb2.RunResponse, run_pb2.RunRequest]

    def __init__(self, service: RunnerService, pace: Pace) -> None:
        self._service = service
        self._runner = service.runner
        self._pace = pace
        self._lease = ""
        self.process = ""
        self.epoch = 0
        self._welcome: run_pb2.Welcome | None = None
        self._functions = Known()
        self._changed: dict[int, int] = {}
        self._ready: deque[Held] = deque()
        self._sent: deque[tuple[int, list[Held]]] = deque()
        self._number = 0
        self._received = self._told = 0
        self._untold_size = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._service.let_go(self._lease, self)

    def waiting(self) -> int:
        return len(self._ready) or int(self._welcome is not None or bool(self._changed) or self._receipt_due())

    def compose(self) -> run_pb2.RunResponse:
        welcome, self._welcome = self._welcome, None
        changed, self._changed = self._changed, {}
        taken = self._take()
        self._told, self._untold_size = self._received, 0
        return run_pb2.RunResponse(
            welcome=welcome,
            number=self._number if taken else 0,
            received=self._received,
            keys=pack_keys([held.key for held in taken]) if taken else None,
            replies=pack_replies([held.reply for held in taken if held.reply is not None]) if taken else None,
            credits=[run_pb2.Credit(function=function, limit=limit) for function, limit in changed.items()],
        )

    def heard(self, message: run_pb2.RunRequest) -> None:
        if message.HasField("hello"):
            self._greet(message.hello)
        elif not self._lease:
            raise Malformed("a dispatcher begins with Hello")
        while self._sent and self._sent[0][0] <= message.acknowledged:
            self._service.holdings.forget(self._sent.popleft()[1])
        fresh = self._functions.hear(message)
        if message.HasField("calls"):
            self._submit(message.calls)
        for numbered in fresh:
            self._look(numbered)
        for number in message.forgotten:
            self._functions.forget(number)
        for event in message.cancels:
            self._runner.cancel(event)
        for event in message.withdrawn:
            self._runner.cancel(event, force=False)

    def beat(self) -> None:
        """What is kept for too long is forgotten with the next greeting."""

    def reply(self, held: Held) -> None:
        self._ready.append(held)
        self.pipe.wake()

    def credit_grew(self, place: str) -> None:
        numbered = self._functions.of(place)
        if numbered is not None:
            self._look(numbered)

    def _greet(self, hello: run_pb2.Hello) -> None:
        held = self._service.holdings.greet(hello.lease, hello.epoch, hello.process, unpack_keys(hello.waiting))
        self._lease, self.epoch, self.process = hello.lease, hello.epoch, hello.process
        self._service.take_over(hello.lease, self, hello.epoch)
        self._welcome = run_pb2.Welcome(process=self._service.process, held=pack_keys([each.key for each in held]))
        self._ready.extend([each for each in held if each.reply is not None and each.process == self.process])
        self.pipe.wake()

    def _submit(self, packed: run_pb2.Calls) -> None:
        calls = unpack_calls(packed, self._functions.by_number)
        self._received += len(calls)
        begin, ended = self._service.holdings.begin, self._service.ended
        touched: dict[int, Numbered] = {}
        for call in calls:
            held, fresh = begin((call.id, call.attempt), self._lease, self.process, ended)
            if fresh:
                self._runner.submit(call, held.done)
            elif held.reply is not None:
                self.reply(held)
            self._untold_size += len(call.body)
        for number in packed.functions:
            touched[number] = self._functions.by_number[number]
        self._count(packed, touched, len(calls))
        if self._receipt_due():
            self.pipe.wake()

    def _count(self, packed: run_pb2.Calls, touched: dict[int, Numbered], count: int) -> None:
        """Each function's calls so far; a call in the message is no longer one that is yet to come."""
        numbers = packed.functions
        for number, numbered in touched.items():
            numbered.calls += count if len(numbers) == 1 else list(numbers).count(number)
            self._look(numbered)

    def _look(self, numbered: Numbered) -> None:
        """Tell the dispatcher when what it may send in all is another number than the one it knows."""
        limit = numbered.calls + self._runner.credit(numbered.function)
        if limit != numbered.limit:
            numbered.limit = self._changed[numbered.number] = limit
            self.pipe.wake()

    def _take(self) -> list[Held]:
        """The replies of one message; at least one, however large."""
        taken: list[Held] = []
        size = self._pace.size
        while self._ready and len(taken) < self._pace.events:
            held = self._ready[0]
            size -= len(held.reply.body) if held.reply is not None else 0
            if size < 0 and taken:
                break
            taken.append(self._ready.popleft())
        if taken:
            self._number += 1
            self._sent.append((self._number, taken))
        return taken

    def _receipt_due(self) -> bool:
        return self._received - self._told >= self._pace.window_events // 8 or self._untold_size >= self._pace.window_size // 8
