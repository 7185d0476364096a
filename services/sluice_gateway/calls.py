"""Requests for triggers: one event each, handed to the dispatcher."""

from sluice.catalog import Snapshot
from sluice.dispatch import CALLER_WAITS_S, Dispatch
from sluice.event import Event, Record, event_id, id_text
from sluice.outcome import DONE, Outcome
from sluice.signature import SignedRequest
from sluice_gateway.answer import answer
from sluice_gateway.bodies import Body
from sluice_gateway.choosing import chosen
from sluice_gateway.deadlines import Deadlines
from sluice_gateway.doorkeeper import CREDENTIALS, Doorkeeper
from sluice_gateway.invocations import accepted, idempotency_key, reply_of
from sluice_gateway.refusal import Answer, too_late
from sluice_gateway.routes import Match
from sluice_gateway.shape import Request, event_body, event_headers
from sluice_gateway.trace import Receiving, within
from sluice_gateway.triggers import Served
from sluice_gateway.webhook import Signed

GRACE_S = 0.25
"""The dispatcher keeps a call's time; this much later the gateway itself stops waiting."""


class Calls:
    """Serves triggers. Raises Refusal for every answer that is not the function's."""

    def __init__(self, dispatch: Dispatch, snapshot: Snapshot, doorkeeper: Doorkeeper, receiving: Receiving, body_limit: int) -> None:
        self._dispatch = dispatch
        self._snapshot = snapshot
        self._doorkeeper = doorkeeper
        self._receiving = receiving
        self._body_limit = body_limit
        self._deadlines = Deadlines()

    async def serve(self, match: Match[Served], request: Request, body: Body, identifier: bytes) -> Answer:
        """`identifier` becomes the event's id, unless the caller's Idempotency-Key makes another one."""
        served = match.target
        signed = self._glance(served, request)
        headers = event_headers(request.lines, request.peer)
        content = await body.read(self._body_limit, headers.get("content-length"))
        delivery = self._doorkeeper.check_webhook(served.webhook, signed, content) if served.webhook and signed else ""
        if served.auth != "NONE":
            self._check_sender(served, request, content)
            for name in CREDENTIALS:
                # They were for this door. Without one, what a sender shows is for the function itself.
                headers.pop(name.decode(), None)
        if served.match is not None and served.match(Record(content, "request", "", 0)):
            self._dispatch.filtered(served.trigger, 1)
            return accepted(DONE, identifier)
        key = "" if served.is_sync else idempotency_key(headers, delivery)
        if key:
            identifier = event_id(served.trigger, served.incarnation, key)
        function, choice = chosen(self._snapshot, served.function, identifier, headers)
        whole = event_body((served.trigger, served.stage), id_text(identifier), match.parameters, request, headers, content)
        trace, span = self._receiving.begin(headers.get("traceparent"), served.trigger)
        event = Event(identifier, whole, served.lane, trace=trace, choice=choice)
        if served.is_sync:
            return answer(reply_of(await within(span, self._call(served, event))), http_function=function.is_http)
        pushing = self._dispatch.push(served.trigger, event, (key,) if key else (), CALLER_WAITS_S)
        return accepted(await within(span, pushing), identifier)

    def _glance(self, served: Served, request: Request) -> Signed | None:
        """Before the body is read: what a webhook says about it."""
        if served.webhook is not None:
            return self._doorkeeper.glance_webhook(served.webhook, request.lines)
        if served.auth == "IAM":
            self._doorkeeper.glance(request.lines)
        elif served.auth == "APP":
            self._doorkeeper.glance_app(request.lines)
        return None

    def _check_sender(self, served: Served, request: Request, content: bytes) -> None:
        received = SignedRequest(request.method, request.path, request.query, tuple(request.lines), content)
        if served.auth == "APP":
            self._doorkeeper.check_app(served.project, served.trigger, received)
        else:
            self._doorkeeper.check_caller(served.project, received)

    async def _call(self, served: Served, event: Event) -> Outcome:
        try:
            with self._deadlines.within(served.timeout_s + GRACE_S):
                return await self._dispatch.call(served.trigger, event, served.timeout_s)
        except TimeoutError:
            raise too_late(served.timeout_s) from None
