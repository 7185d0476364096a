"""The Invoker service over a local `sluice.dispatch.Dispatch`: one rpc an invocation, for callers outside the mesh's own services."""

from sluice.dispatch import Dispatch
from sluice.event import Event, random_id
from sluice.outcome import Outcome
from sluice.v1 import event_pb2, invoke_pb2
from sluice.wire.events import verdict_number
from sluice.wire.guard import Guard, need_project
from sluice.wire.requests_server import carried
from sluice.wire.server import Handlers
from sluice.wire.streams import unary
from sluice.wire.token import ServiceToken


class InvokerService:
    name = "Invoker"

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Invoke": unary(guard, "Invoker.Invoke", self._invoke, invoke_pb2.InvokeRequest),
            "InvokeAsync": unary(guard, "Invoker.InvokeAsync", self._invoke_async, invoke_pb2.InvokeAsyncRequest),
        }

    async def _invoke(self, caller: ServiceToken, request: invoke_pb2.InvokeRequest) -> invoke_pb2.InvokeResponse:
        need_project(caller, request.project)
        event = Event(random_id(), request.body, trace=request.trace)
        return _answer(await self._dispatch.invoke(request.project, request.function, event, log=request.log), event)

    async def _invoke_async(self, caller: ServiceToken, request: invoke_pb2.InvokeAsyncRequest) -> invoke_pb2.InvokeAsyncResponse:
        need_project(caller, request.project)
        event = Event(random_id(), request.body, trace=request.trace)
        outcome = await self._dispatch.invoke_async(request.project, request.function, event, request.dedupe)
        return invoke_pb2.InvokeAsyncResponse(
            verdict=verdict_number(outcome.verdict),
            reason=outcome.reason,
            retry_after_s=outcome.retry_after_s,
            event_id=outcome.event_id or event.id,
        )


def _answer(outcome: Outcome, event: Event) -> invoke_pb2.InvokeResponse:
    answer = invoke_pb2.InvokeResponse(
        verdict=verdict_number(outcome.verdict),
        reason=outcome.reason,
        retry_after_s=outcome.retry_after_s,
        event_id=outcome.event_id or event.id,
    )
    if outcome.reply is None:
        return answer
    reply = carried(outcome.reply)
    answer.status, answer.body, answer.instance, answer.cold = reply.status, reply.body, reply.instance, reply.cold
    answer.duration_ms, answer.memory_mb, answer.log = reply.duration_ms, reply.memory_mb, reply.log
    answer.headers.extend([event_pb2.Header(name=name, value=value) for name, value in reply.headers])
    if reply.failure is not None:
        answer.failure.CopyFrom(event_pb2.Failure(kind=reply.failure.kind, message=reply.failure.message))
    return answer
