"""The server's end of a bidirectional stream: admit the caller, talk until it ends, end it with an exception of ours."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from sluice.errors import SluiceError
from sluice.wire.faults import abort
from sluice.wire.guard import Guard
from sluice.wire.messages import serialize
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe, Talk
from sluice.wire.token import ServiceToken

Said = TypeVar("Said", bound=Message)
Heard = TypeVar("Heard", bound=Message)

Context = grpc.aio.ServicerContext[Any, Any]


class ServerTalk(Talk[Said, Heard], Protocol[Said, Heard]):
    """A talk that lives for one stream."""

    pipe: Pipe[Said, Heard]


Open = Callable[[ServiceToken], AbstractAsyncContextManager[ServerTalk[Said, Heard]]]
"""Makes the talk of one caller; leaving it lets go of whatever the stream held."""


def stream(guard: Guard, rpc: str, opened: Open[Said, Heard], heard: type[Heard], pace: Pace) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler of a bidirectional rpc `Service.Method`."""

    async def handle(_requests: object, context: Context) -> None:
        try:
            caller = guard.caller(rpc, context)
            async with opened(caller) as talk:
                pipe = talk.pipe = Pipe(talk, context.read, context.write, pace)
                pipe.greet()
                await pipe.run()
        except SluiceError as error:
            await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(handle, request_deserializer=heard.FromString, response_serializer=serialize)


Answer = TypeVar("Answer", bound=Message)
Request = TypeVar("Request", bound=Message)


def unary(
    guard: Guard, rpc: str, answer: Callable[[ServiceToken, Request], Awaitable[Answer]], request: type[Request]
) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler of a unary rpc `Service.Method`."""

    async def handle(message: Request, context: Context) -> Answer:
        try:
            return await answer(guard.caller(rpc, context), message)
        except SluiceError as error:
            await abort(context, error)

    return grpc.unary_unary_rpc_method_handler(handle, request_deserializer=request.FromString, response_serializer=serialize)


def server_stream(
    guard: Guard, rpc: str, answers: Callable[[ServiceToken, Request], AsyncGenerator[Answer, None]], request: type[Request]
) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler of an rpc `Service.Method` that answers with a stream."""

    async def handle(message: Request, context: Context) -> None:
        try:
            async with aclosing(answers(guard.caller(rpc, context), message)) as stream:
                async for answer in stream:
                    await context.write(answer)
        except SluiceError as error:
            await abort(context, error)

    return grpc.unary_stream_rpc_method_handler(handle, request_deserializer=request.FromString, response_serializer=serialize)
