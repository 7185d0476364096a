"""A stream that a client keeps open: connected again by itself, with back-off and jitter."""

import asyncio
import random
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import grpc.aio
from google.protobuf.message import Message

from sluice.errors import ConfigurationError, SluiceError, Unavailable
from sluice.wire.faults import Fenced, ours
from sluice.wire.messages import PACKAGE, serialize
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.pipe import Pipe, Talk

Said = TypeVar("Said", bound=Message)
Heard = TypeVar("Heard", bound=Message)

SHORTEST_S = 0.05
LONGEST_S = 5.0

Notice = Callable[[str, SluiceError | None], None]
"""`notice(rpc, why)`: the stream of an rpc was lost or refused, or (None) is there. For logs and `readyz`."""


def unnoticed(_rpc: str, _why: SluiceError | None) -> None:
    """For whoever does not ask."""


class ClientTalk(Talk[Said, Heard], Protocol[Said, Heard]):
    """A talk that outlives its streams."""

    def opened(self, pipe: Pipe[Said, Heard]) -> None:
        """A new stream. Nothing that was said on an older one is known here."""
        ...

    def closed(self, why: SluiceError) -> None:
        """It has ended. ConfigurationError: the peer refuses us until somebody changes something."""
        ...


def back_off(failures: int, jitter: float) -> float:
    """Seconds to wait before the next attempt; `jitter` is between 0 and 1."""
    return min(LONGEST_S, SHORTEST_S * 2.0 ** min(failures, 16)) * (0.5 + jitter / 2)


class Link(Generic[Said, Heard]):
    """Keeps one bidirectional rpc open until it is cancelled, or fenced."""

    def __init__(
        self,
        peer: Peer,
        rpc: str,
        talk: ClientTalk[Said, Heard],
        heard: type[Heard],
        pace: Pace,
        notice: Notice = unnoticed,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`rpc` is `Service.Method`."""
        self._peer = peer
        self._rpc = rpc
        self._path = f"/{PACKAGE}.{rpc.replace('.', '/')}"
        self._talk = talk
        self._type = heard
        self._pace = pace
        self._notice = notice
        self._jitter = jitter

    async def run(self) -> None:
        """Returns only when fenced: a newer owner has taken this one's place."""
        failures = 0
        while True:
            alive, why = await self._once()
            self._talk.closed(why)
            self._notice(self._rpc, why)
            if isinstance(why, Fenced):
                return
            failures = 0 if alive else failures + 1
            await asyncio.sleep(LONGEST_S if isinstance(why, ConfigurationError) else back_off(failures, self._jitter()))

    async def _once(self) -> tuple[bool, SluiceError]:
        """One stream from beginning to end: whether the peer said anything, and why it ended."""
        # a channel of its own: what is stuck in an old connection cannot hold up a new one
        channel = self._peer.channel()
        pipe: Pipe[Said, Heard] | None = None
        try:
            method = channel.stream_stream(self._path, request_serializer=serialize, response_deserializer=self._type.FromString)
            call = method(metadata=self._peer.metadata())
            pipe = Pipe(self._talk, call.read, call.write, self._pace, lambda: self._notice(self._rpc, None))
            self._talk.opened(pipe)
            await pipe.run()
            why: SluiceError = Unavailable(f"{self._peer.address} closed the stream")
        except grpc.aio.AioRpcError as error:
            why = ours(error)
        except (asyncio.InvalidStateError, grpc.aio.UsageError):
            why = Unavailable(f"the connection to {self._peer.address} was lost")
        except SluiceError as error:
            why = error
        finally:
            await channel.close()
        return pipe is not None and pipe.alive, why
