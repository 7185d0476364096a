"""OTLP over gRPC: LogsService, on an address of its own."""

import hmac
from collections.abc import Callable
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import DESCRIPTOR, ExportLogsServiceResponse

from sluice.errors import Invalid, SourceLost, SourceRefused
from sluice.tls import pem
from sluice.trigger import Intake
from sluice_lts.arrivals import Arrivals
from sluice_lts.bodies import MOST_LOGS, TooLarge
from sluice_lts.listening import AGAIN_S, address_of, changed
from sluice_lts.otlp import of_protobuf
from sluice_lts.requests import response_of
from sluice_lts.settings import LtsSettings

SERVICE = DESCRIPTOR.services_by_name["LogsService"].full_name
MOST_BYTES = 4 * 1024 * 1024
"""Largest request, unpacked; the Collector's receiver has the same."""
MOST_CALLS = 64
"""At the same time; others are told to come again."""
GRACE_S = 1.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_RETRY_INFO = "google.rpc.retryinfo-bin"
"""Where some SDKs look for it; the others read the status."""

Context = grpc.aio.ServicerContext[bytes, ExportLogsServiceResponse]


class OtlpServer:
    """One listening address."""

    def __init__(self, settings: LtsSettings, arrivals: Arrivals) -> None:
        self._settings = settings
        self._address = settings.otlp_listen
        self._arrivals = arrivals
        self._calls = 0

    async def run(self, intake: Intake, begun: Callable[[], None]) -> None:
        """Until cancelled; `begun` is called each time when it listens. Raises SourceRefused, or SourceLost while it is somebody else's."""
        async with address_of(intake, "otlp_listen", self._address):
            while True:
                await self._listen(begun)

    async def _listen(self, begun: Callable[[], None]) -> None:
        """Until the certificates change."""
        settings = self._settings
        server = grpc.aio.server(options=_OPTIONS)
        handler: grpc.RpcMethodHandler[bytes, ExportLogsServiceResponse] = grpc.unary_unary_rpc_method_handler(
            self._export, response_serializer=ExportLogsServiceResponse.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),))
        try:
            self._bind(server)
            await server.start()
            begun()
            await changed(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        finally:
            await server.stop(GRACE_S)

    def _bind(self, server: grpc.aio.Server) -> None:
        settings = self._settings
        try:
            if settings.tls_certificate:
                server.add_secure_port(self._address, _credentials(settings))
            else:
                server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise SourceLost(f"otlp_listen: nothing can listen on {self._address} now", AGAIN_S) from error

    async def _export(self, body: bytes, context: Context) -> ExportLogsServiceResponse:
        if not self._may_send(context):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "authorization is not Bearer and the trigger's push_token")
        if self._calls >= MOST_CALLS:
            await _come_again(context, "too many requests are being taken", AGAIN_S)
        self._calls += 1
        try:
            return await self._take(body, context)
        finally:
            self._calls -= 1

    async def _take(self, body: bytes, context: Context) -> ExportLogsServiceResponse:
        try:
            logs = of_protobuf(body, _sender(context.peer()), whole=self._arrivals.whole)
        except Invalid as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooLarge:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the request has over {MOST_LOGS} logs")
        told = await self._arrivals.hand_over("otlp", body, logs)
        if told.retry_after_s:
            await _come_again(context, told.reason, told.retry_after_s)
        return response_of(told)

    def _may_send(self, context: Context) -> bool:
        if not self._settings.push_token:
            return True  # on loopback, or by its certificate
        shown = dict(context.invocation_metadata() or ()).get("authorization", "")
        scheme, _, token = (shown if isinstance(shown, str) else "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._settings.push_token.encode())


async def _come_again(context: Context, reason: str, after_s: float) -> NoReturn:
    """With the RetryInfo by which OTLP's exporters know when."""
    delay, detail = Duration(), AnyMessage()
    delay.FromMilliseconds(int(after_s * 1000))
    retry = RetryInfo(retry_delay=delay)
    detail.Pack(retry)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    status = Status(code=code.value[0], message=reason, details=[detail])
    told = (("grpc-status-details-bin", status.SerializeToString()), (_RETRY_INFO, retry.SerializeToString()))
    await context.abort(code, reason, told)


def _credentials(settings: LtsSettings) -> grpc.ServerCredentials:
    try:
        own = [(pem(settings.tls_key), pem(settings.tls_certificate))]
        authority = pem(settings.tls_client_ca) if settings.tls_client_ca else None
    except OSError as error:
        raise SourceRefused(f"tls_certificate, tls_key and tls_client_ca cannot be used: {error.strerror}") from error
    return grpc.ssl_server_credentials(own, authority, require_client_auth=authority is not None)


def _sender(peer: str) -> str:
    """Of ipv4:192.0.2.1:4317 or ipv6:%5B::1%5D:4317."""
    host = peer.partition(":")[2].rpartition(":")[0]
    return host.replace("%5B", "").replace("%5D", "").strip("[]")
