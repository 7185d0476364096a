"""A live instance: the engine's instance, its connections, and how it is initialised."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from sluice.engine import Instance
from sluice.function import Function
from sluice_runner.connection import Connection, Ending, HeaderConnection
from sluice_runner.fleet import Worker
from sluice_runner.output import Output
from sluice_runner.request import Requests

T = TypeVar("T")

CONNECT_WITHIN_S = 5.0


class InitFailed(Exception):
    """`/init` answered with something else than 2xx, or not in time."""


class LiveInstance(Generic[T]):
    """`dying`: it is being ended, and takes no calls. `gone`: nothing of it runs any more."""

    def __init__(self, worker: Worker[T], instance: Instance, requests: Requests, output: Output) -> None:
        self.worker = worker
        self.instance = instance
        self.name = instance.name
        self.requests = requests
        self.output = output
        self.idle: list[Connection] = []
        self.cold = True
        self.dying = False
        self.gone = asyncio.Event()
        self._connections: set[Connection] = set()
        self._kind: Callable[[Callable[[Connection], None]], Connection] = HeaderConnection if requests.function.is_http else Connection

    async def connect(self) -> Connection:
        """A new connection. Raises OSError or TimeoutError."""
        async with asyncio.timeout(CONNECT_WITHIN_S):
            socket = await self.instance.connect()
            try:
                _, connection = await asyncio.get_running_loop().create_connection(lambda: self._kind(self._lost), sock=socket)
            except BaseException:
                socket.close()
                raise
        self._connections.add(connection)
        if self.dying:
            connection.abandon()
            raise ConnectionRefusedError("the instance is being ended")
        return connection

    async def initialise(self, function: Function, request_id: str) -> None:
        """POST /init. Raises InitFailed; the connection is kept for calls."""
        try:
            connection = await self.connect()
        except (OSError, TimeoutError) as error:
            raise InitFailed(f"/init: no connection: {error}") from None
        answer: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        connection.send(self.requests.init(request_id), lambda _, ending: _tell(answer, ending))
        try:
            ending = await asyncio.wait_for(answer, function.init_timeout_s)
        except TimeoutError:
            raise InitFailed(f"/init did not answer within {function.init_timeout_s:g} s") from None
        if ending is not Ending.ANSWERED:
            raise InitFailed(f"/init was not answered: {ending.value}")
        if not 200 <= connection.status < 300:
            raise InitFailed(f"/init answered with status {connection.status}")
        self.give_back(connection)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next call, if it can be used again."""
        if connection.reusable and not connection.closed:
            self.idle.append(connection)

    def die(self) -> None:
        """No further calls: close all connections. What was in flight gets no ending from them."""
        self.dying = True
        self.idle.clear()
        for connection in list(self._connections):
            connection.abandon()

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)


def _tell(answer: "asyncio.Future[Ending]", ending: Ending) -> None:
    if not answer.done():
        answer.set_result(ending)
