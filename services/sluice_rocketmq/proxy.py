"""One gRPC connection to one proxy, and the session on it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from sluice.errors import SourceLost
from sluice.tls import client_context
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.signature import metadata
from sluice_rocketmq.status import OK, error_of, of_transport
from sluice_rocketmq.v2 import messaging_pb2 as v2

ANSWER_S = 10.0
_SERVICE = "/apache.rocketmq.v2.MessagingService/"
_OPTIONS = (
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


class Proxy:
    """Requests are signed if there is a key. Every coroutine may raise SourceLost or SourceRefused."""

    def __init__(self, settings: RocketSettings, client: str, endpoint: str) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._client = client
        self._channel = _channel(settings, endpoint)
        self._session: Any = None
        self.route = self._unary("QueryRoute", v2.RouteResponse)
        self.beat = self._unary("Heartbeat", v2.HeartbeatResponse)
        self.acknowledge = self._unary("AckMessage", v2.AckResponse)
        self.hide = self._unary("ChangeInvisibleDuration", v2.InvisibleResponse)
        self.leave = self._unary("NotifyClientTermination", v2.EndResponse)
        self._receive = self._channel.unary_stream(f"{_SERVICE}ReceiveMessage", _bytes, v2.ReceiveResponse.FromString)
        self._telemetry = self._channel.stream_stream(f"{_SERVICE}Telemetry", _bytes, v2.Telemetry.FromString)

    async def receive(self, request: v2.ReceiveRequest, wait_s: float) -> AsyncIterator[v2.ReceiveResponse]:
        """What the server has, or gets within `wait_s`."""
        try:
            async for answer in self._receive(request, timeout=wait_s + ANSWER_S, metadata=self._metadata()):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise self._ours(error) from None

    async def join(self, settings: v2.Settings) -> None:
        """Tell who we are, and wait until the server knows: it serves nobody else."""
        self._session = self._telemetry(metadata=self._metadata())
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._session.write(v2.Telemetry(settings=settings))
                answer = await self._session.read()
        except grpc.aio.AioRpcError as error:
            raise self._ours(error) from None
        except (TimeoutError, asyncio.InvalidStateError):
            raise SourceLost(f"{self.endpoint} does not answer") from None
        if answer is grpc.aio.EOF:
            raise SourceLost(f"{self.endpoint} ended the session")
        if answer.HasField("status") and answer.status.code != OK:
            raise error_of(answer.status.code, answer.status.message, f"{self.endpoint}: the session")

    async def watch(self) -> None:
        """Never returns: raises when the session is lost, or the server asks us to come anew."""
        try:
            while (command := await self._session.read()) is not grpc.aio.EOF:
                if command.HasField("reconnect"):
                    raise SourceLost(f"{self.endpoint} asks us to connect anew")
        except grpc.aio.AioRpcError as error:
            raise self._ours(error) from None
        raise SourceLost(f"{self.endpoint} ended the session")

    async def close(self) -> None:
        if self._session is not None:
            self._session.cancel()
        await self._channel.close()

    def _unary(self, name: str, answer: Any) -> Callable[[Message], Any]:
        call = self._channel.unary_unary(_SERVICE + name, _bytes, answer.FromString)

        async def ask(request: Message) -> Any:
            try:
                return await call(request, timeout=ANSWER_S, metadata=self._metadata())
            except grpc.aio.AioRpcError as error:
                raise self._ours(error) from None

        return ask

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        settings = self._settings
        return metadata(self._client, settings.namespace, settings.access_key, settings.secret_key, time.time())

    def _ours(self, error: grpc.aio.AioRpcError) -> Exception:
        """The driver's error as ours. It never holds the secret key."""
        return of_transport(error.code(), error.details() or "", self.endpoint)


def _channel(settings: RocketSettings, endpoint: str) -> grpc.aio.Channel:
    if not settings.ssl_enable:
        return grpc.aio.insecure_channel(endpoint, _OPTIONS)
    context = client_context(settings.tls_ca, settings.tls_certificate, settings.tls_key)
    trusted = "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True))).encode()
    # The system's authorities may lie in a folder that is read as needed: then those that gRPC brings are trusted.
    credentials = grpc.ssl_channel_credentials(trusted or None, _pem(settings.tls_key), _pem(settings.tls_certificate))
    return grpc.aio.secure_channel(endpoint, credentials, _OPTIONS)


def _pem(text: str) -> bytes | None:
    """Of a path or PEM text that `client_context` could use."""
    if not text or "-----BEGIN" in text:
        return text.encode() or None
    return Path(text).read_bytes()


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
