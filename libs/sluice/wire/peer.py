"""The other end: its address, and the token that is shown to it."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.message import Message

from sluice.wire.faults import ours
from sluice.wire.guard import AUTHORIZATION, SCHEME
from sluice.wire.messages import MAX_MESSAGE_BYTES, PACKAGE, serialize

Answer = TypeVar("Answer", bound=Message)

UNARY_S = 30.0

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.default_authority", "sluice"),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Peer:
    """`token` is asked anew for each rpc, so that a replaced one is picked up; "" where the peer wants none."""

    def __init__(self, address: str, token: Callable[[], str] = str) -> None:
        self.address = address
        self._token = token

    def channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self.address, options=_OPTIONS)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        token = self._token()
        return ((AUTHORIZATION, SCHEME + token),) if token else ()


class Asker:
    """Unary rpcs on one channel. Errors are ours."""

    def __init__(self, peer: Peer, service: str) -> None:
        self._peer = peer
        self._service = service
        self._channel: grpc.aio.Channel | None = None

    def channel(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = self._peer.channel()
        return self._channel

    async def ask(self, rpc: str, request: Message, answer: type[Answer], timeout_s: float | None = UNARY_S) -> Answer:
        call = self.channel().unary_unary(
            f"/{PACKAGE}.{self._service}/{rpc}",
            request_serializer=serialize,
            response_deserializer=answer.FromString,
        )
        try:
            return await call(request, timeout=timeout_s, metadata=self._peer.metadata())
        except grpc.aio.AioRpcError as error:
            raise ours(error) from None

    def listen(self, rpc: str, request: Message, answer: type[Answer]) -> Any:
        """A stream of answers, as gRPC gives it."""
        call = self.channel().unary_stream(
            f"/{PACKAGE}.{self._service}/{rpc}",
            request_serializer=serialize,
            response_deserializer=answer.FromString,
        )
        return call(request, metadata=self._peer.metadata())

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
