"""gRPC's reflection, imported when somebody first asks for it: what describes messages is 2 MiB, and most processes are never asked."""

from collections.abc import Sequence
from typing import Any

import grpc

SERVICE = "grpc.reflection.v1alpha.ServerReflection"


class Reflection(grpc.GenericRpcHandler):
    """Shows the services of these full names, and itself."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = (*services, SERVICE)
        self._answer: grpc.RpcMethodHandler[Any, Any] | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        if handler_call_details.method != f"/{SERVICE}/ServerReflectionInfo":
            return None
        if self._answer is None:
            self._answer = _handler(self._services)
        return self._answer


def _handler(services: Sequence[str]) -> "grpc.RpcMethodHandler[Any, Any]":
    from grpc_reflection.v1alpha import reflection, reflection_pb2

    return grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(services).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
