"""Puts the gateway on a socket: uvicorn, started and stopped from inside a service."""

import asyncio
import socket
from collections.abc import Callable

from uvicorn import Config, Server

from sluice.errors import ConfigurationError
from sluice_gateway.app import Gateway
from sluice_gateway.protocol import BoundedProtocol, bounded

SWEEP_S = 1.0
BACKLOG = 2_048


class Announcing(Server):
    """uvicorn, saying when it listens."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class GatewayService:
    """The gateway listening on HOST:PORT; port 0 takes a free one."""

    def __init__(self, gateway: Gateway, listen: str = "127.0.0.1:8090") -> None:
        host, _, port = listen.rpartition(":")
        self._gateway = gateway
        self._host = host.strip("[]")
        self._port = int(port)
        self.url = ""
        """Where it listens; known once `ready` was called."""
        self._connections: Callable[[], int] = lambda: 0

    @property
    def connections(self) -> int:
        """How many are open now."""
        return self._connections()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; then no connection is taken any more and requests in flight have `limits.shutdown_s` to end. `ready` is
        called once it listens. Raises ConfigurationError if it cannot."""
        listener = self._bind()
        self.url = f"http://{_address(listener)}"
        server = Announcing(self._config())
        self._connections = lambda: len(server.server_state.connections)
        serving = asyncio.create_task(server._serve([listener]))  # `serve` would take the process's signals
        listening = asyncio.create_task(server.listening.wait())
        sweeping = asyncio.create_task(self._sweep(server))
        try:
            await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
            if server.listening.is_set():
                ready()
            await asyncio.shield(serving)
        finally:
            sweeping.cancel()
            listening.cancel()
            server.should_exit = True
            await serving

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise ConfigurationError(f"cannot listen on {self._host}:{self._port}: {error.strerror}") from None
        listener.setblocking(False)
        return listener

    def _config(self) -> Config:
        limits = self._gateway.limits
        config = Config(
            self._gateway.app,
            http=bounded(limits),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            backlog=BACKLOG,
            timeout_keep_alive=int(limits.idle_timeout_s),
            timeout_graceful_shutdown=int(limits.shutdown_s),
        )
        config.load()
        return config

    async def _sweep(self, server: Server) -> None:
        """One timer for all connections, because one for each would cost every request."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for connection in list(server.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    _check(connection, now)


def _check(connection: BoundedProtocol, now: float) -> None:
    if connection.stalled(now):
        connection.transport.abort()
    elif connection.overdue(now) and not connection.transport.is_closing():
        connection.refuse(408, b"FSS.0408", b"Request timeout.")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
