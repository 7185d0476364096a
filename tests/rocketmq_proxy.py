"""A RocketMQ proxy in memory that speaks the real protocol: for what the real one cannot be brought to, and where it is too slow."""

import heapq
import itertools
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message

from sluice_rocketmq.v2 import messaging_pb2 as v2
from tests.servers import free_port_run

OK, NOT_OURS, NO_MESSAGE, NO_TOPIC, UNAUTHORIZED = 20000, 40013, 40401, 40402, 40100
THREADS = 16
POLL_S = 0.5
"""So long a receiver waits for messages: the real one waits for as long as it is asked to, but not less than 5 s."""
_SERVICE = "apache.rocketmq.v2.MessagingService"


class Stored(NamedTuple):
    message: Any
    attempt: int


class MemoryProxy:
    """One topic. What is in it stays through `stop` and `start`, as do address and what is out."""

    def __init__(self, topic: str = "jobs", access_key: str = "") -> None:
        self.topic = topic
        self.access_key = access_key
        self.address = f"127.0.0.1:{free_port_run(1)}"
        self.endpoints = [self.address]
        """Where routes say that the topic is."""
        self.certificate: tuple[bytes, bytes] | None = None
        """Key and certificate: then it speaks TLS."""
        self.refuse: dict[str, int] = {}
        """By the name of a call, the code that it is answered with."""
        self.calls: Counter[str] = Counter()
        self.told = v2.Telemetry(settings=v2.Settings())
        self.acknowledged = 0
        self.given = 0
        self._waiting: deque[Stored] = deque()
        self._out: dict[str, tuple[float, Stored]] = {}
        self._due: list[tuple[float, str]] = []
        self._lock = threading.Condition()
        self._numbers = itertools.count(1)
        self._server: grpc.Server | None = None
        self._sessions: list[deque[Any]] = []

    def publish(self, *bodies: bytes, **more: Any) -> None:
        """`more` are system properties of each."""
        with self._lock:
            for body in bodies:
                properties = v2.SystemProperties(**({"message_id": f"m-{next(self._numbers)}"} | more))
                self._waiting.append(Stored(v2.Message(body=body, system_properties=properties), 0))
            self._lock.notify_all()

    @property
    def left(self) -> int:
        """Neither acknowledged nor forgotten."""
        with self._lock:
            return len(self._waiting) + len(self._out)

    def start(self) -> None:
        server = grpc.server(ThreadPoolExecutor(THREADS), options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, self._handlers()),))
        if self.certificate:
            server.add_secure_port(self.address, grpc.ssl_server_credentials([self.certificate]))
        else:
            server.add_insecure_port(self.address)
        server.start()
        self._server = server

    def stop(self) -> None:
        """Every call breaks off."""
        if self._server is not None:
            self._server.stop(0).wait()

    def command(self, command: Any) -> None:
        """Tell everybody who has a session."""
        with self._lock:
            for session in self._sessions:
                session.append(command)
            self._lock.notify_all()

    def _handlers(self) -> dict[str, Any]:
        unary: dict[str, tuple[Callable[[Any], Any], Any]] = {
            "QueryRoute": (self._route, v2.RouteRequest),
            "Heartbeat": (lambda _: v2.HeartbeatResponse(status=_status(OK)), v2.HeartbeatRequest),
            "AckMessage": (self._acknowledge, v2.AckRequest),
            "ChangeInvisibleDuration": (self._hide, v2.InvisibleRequest),
            "NotifyClientTermination": (lambda _: v2.EndResponse(status=_status(OK)), v2.EndRequest),
        }
        made: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(self._checked(name, answer), request.FromString, _bytes)
            for name, (answer, request) in unary.items()
        }
        made["ReceiveMessage"] = grpc.unary_stream_rpc_method_handler(self._receive, v2.ReceiveRequest.FromString, _bytes)
        made["Telemetry"] = grpc.stream_stream_rpc_method_handler(self._session, v2.Telemetry.FromString, _bytes)
        return made

    def _checked(self, name: str, answer: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            good = answer(request)
            if code := self._code(name, context):
                return type(good)(status=_status(code))
            return good

        return call

    def _code(self, name: str, context: grpc.ServicerContext) -> int:
        """What speaks against the call; 0 for nothing."""
        self.calls[name] += 1
        authorization = dict(context.invocation_metadata()).get("authorization", "")
        if f"Credential={self.access_key}," not in authorization and self.access_key:
            return UNAUTHORIZED
        return self.refuse.get(name, 0)

    def _route(self, request: Any) -> Any:
        if request.topic.name != self.topic:
            return v2.RouteResponse(status=_status(NO_TOPIC))
        queues = []
        for number, endpoint in enumerate(self.endpoints):
            host, _, port = endpoint.rpartition(":")
            place = v2.Endpoints(scheme=1, addresses=[v2.Address(host=host, port=int(port))])
            queues.append(v2.Queue(topic=request.topic, permission=4, broker=v2.Broker(name=f"b{number}", endpoints=place)))
        return v2.RouteResponse(status=_status(OK), queues=queues)

    def _receive(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if code := self._code("ReceiveMessage", context):
            yield v2.ReceiveResponse(status=_status(code))
            return
        found = self._take(request.batch_size, request.invisible_duration.ToMilliseconds() / 1000)
        yield v2.ReceiveResponse(status=_status(OK if found else NO_MESSAGE))
        for message in found:
            yield v2.ReceiveResponse(message=message)

    def _take(self, most: int, invisible_s: float) -> list[Any]:
        with self._lock:
            self._lock.wait_for(self._something, POLL_S)
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self.given += len(taken)
            return [self._put_out(stored, invisible_s) for stored in taken]

    def _something(self) -> bool:
        """What is over its time waits again."""
        while self._due and self._due[0][0] <= time.monotonic():
            until, handle = heapq.heappop(self._due)
            if (out := self._out.get(handle)) and out[0] == until:
                del self._out[handle]
                self._waiting.append(out[1])
        return bool(self._waiting)

    def _put_out(self, stored: Stored, invisible_s: float) -> Any:
        handle, until = secrets.token_hex(8), time.monotonic() + invisible_s
        given = v2.Message()
        given.CopyFrom(stored.message)
        given.system_properties.receipt_handle = handle
        given.system_properties.delivery_attempt = stored.attempt + 1
        self._out[handle] = until, Stored(stored.message, stored.attempt + 1)
        heapq.heappush(self._due, (until, handle))
        return given

    def _acknowledge(self, request: Any) -> Any:
        answer = v2.AckResponse(status=_status(OK))
        with self._lock:
            for entry in request.entries:
                known = self._out.pop(entry.receipt_handle, None) is not None
                self.acknowledged += known
                answer.results.add(
                    message_id=entry.message_id, receipt_handle=entry.receipt_handle, status=_status(OK if known else NOT_OURS)
                )
        return answer

    def _hide(self, request: Any) -> Any:
        with self._lock:
            if (out := self._out.pop(request.receipt_handle, None)) is None:
                return v2.InvisibleResponse(status=_status(NOT_OURS))
            handle, until = secrets.token_hex(8), time.monotonic() + request.invisible_duration.ToMilliseconds() / 1000
            self._out[handle] = until, out[1]
            heapq.heappush(self._due, (until, handle))
            self._lock.notify_all()
            return v2.InvisibleResponse(status=_status(OK), receipt_handle=handle)

    def _session(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """Answers the settings with its own, then says what it is told to say."""
        next(requests)
        if code := self._code("Telemetry", context):
            yield v2.Telemetry(status=_status(code))
            return
        said: deque[Any] = deque([self.told])
        with self._lock:
            self._sessions.append(said)
        while context.is_active():
            with self._lock:
                self._lock.wait_for(lambda: said, 0.1)
                commands = list(said)
                said.clear()
            yield from commands


def _status(code: int) -> Any:
    return v2.Status(code=code, message="said by the proxy")


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
