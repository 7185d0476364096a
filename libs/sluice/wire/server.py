"""A listening service of the mesh: its rpcs, the standard health service and reflection on one address."""

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from sluice.errors import ConfigurationError
from sluice.wire.address import check_listening
from sluice.wire.guard import Guard
from sluice.wire.messages import MAX_MESSAGE_BYTES, PACKAGE
from sluice.wire.reflection import Reflection

STOP_S = 1.0

Handlers: TypeAlias = "dict[str, grpc.RpcMethodHandler[Any, Any]]"

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)


class Service(Protocol):
    """One service of the wire over a local object."""

    name: str
    """As in proto/sluice/v1, without the package."""

    def handlers(self, guard: Guard) -> Handlers: ...


class WireServer:
    """Enter it to listen, leave it to stop; open streams end with it. `address` afterwards holds the port that was chosen for 0."""

    def __init__(self, address: str, services: Sequence[Service], secrets: Sequence[bytes] = ()) -> None:
        """Raises ConfigurationError: beyond loopback without a secret."""
        check_listening(address, len(secrets))
        self.address = address
        self._services = services
        self._guard = Guard(secrets)
        self._health = health.aio.HealthServicer()

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(options=_OPTIONS)
        names = [f"{PACKAGE}.{service.name}" for service in self._services]
        for name, service in zip(names, self._services, strict=True):
            handlers = service.handlers(self._guard)
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((Reflection((*names, health.SERVICE_NAME)),))
        self._listen()
        await self._server.start()
        for name in ("", *names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return self

    def _listen(self) -> None:
        try:
            port = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise ConfigurationError(f"cannot listen on {self.address}: {error}") from None
        if self.address.endswith(":0"):
            self.address = f"{self.address[:-2]}:{port}"

    async def __aexit__(self, *exc: object) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(STOP_S)
