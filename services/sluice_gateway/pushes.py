"""Requests for triggers whose sources push: passed on to the trigger, or to all that share a topic."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from sluice.errors import Unavailable
from sluice.event import id_text
from sluice.push import MAX_PUSH_BYTES, Doors, Request
from sluice.signature import SignedRequest
from sluice_gateway.bodies import Body, declared_length
from sluice_gateway.deadlines import Deadlines
from sluice_gateway.doorkeeper import CREDENTIALS, Doorkeeper
from sluice_gateway.refusal import Answer, unavailable
from sluice_gateway.shape import Request as Received
from sluice_gateway.shape import event_headers

PREFIX = b"/sluice/v1/push/"
WITHIN_S = 30.0
"""A sender that the mesh has no room for is told so after this."""
AGAIN_S = 5.0

_TRIGGER = re.compile(rb"/sluice/v1/push/([a-z0-9_]+)/([0-9a-f-]{1,64})(/.*)?", re.DOTALL)
_TOPIC = re.compile(rb"/sluice/v1/([^/]+)/publish/([a-z0-9_]+)/([^/]+)(/.*)?", re.DOTALL)
_NOTIFICATION = re.compile(rb"/v2/([^/]+)/notifications/topics/([^/]+)/publish")
"""SMN's own address of a topic: whoever publishes with its SDK need only be given another endpoint."""


class Place(NamedTuple):
    """Where a request goes, as its path says it: to a trigger (`project` is "" then) or to a topic of a project."""

    kind: str
    project: str
    name: str
    rest: str


def place_of(path: bytes) -> Place | None:
    """None if the request is for none."""
    if path.startswith(PREFIX):
        found = _TRIGGER.fullmatch(path)
        return Place(found[1].decode(), "", found[2].decode(), _text(found[3])) if found else None
    if found := _NOTIFICATION.fullmatch(path):
        return Place("smn", unquote(_text(found[1])), unquote(_text(found[2])), "")
    found = _TOPIC.fullmatch(path)
    if not found:
        return None
    return Place(found[2].decode(), unquote(_text(found[1])), unquote(_text(found[3])), _text(found[4]))


def _text(part: bytes | None) -> str:
    return (part or b"").decode("latin-1")


class Pushes:
    """Raises Refusal for every answer that is not a trigger's."""

    def __init__(self, doors: Doors, doorkeeper: Doorkeeper, *, is_local: bool) -> None:
        self._doors = doors
        self._doorkeeper = doorkeeper
        self._is_local = is_local
        self._deadlines = Deadlines()

    async def serve(self, place: Place, received: Received, body: Body, identifier: bytes) -> Answer:
        if place.project:
            self._doorkeeper.glance_publisher(received.lines)
        content = await body.read(MAX_PUSH_BYTES, declared_length(received.lines))
        if place.project:
            signed = SignedRequest(received.method, received.path, received.query, tuple(received.lines), content)
            self._doorkeeper.check_publisher(place.project, signed)
        try:
            with self._deadlines.within(WITHIN_S):
                status, sent, headers = await self._pass_on(place, self._request(place, received, content, identifier))
        except TimeoutError:
            raise unavailable("the mesh has no room", AGAIN_S) from None
        except Unavailable as error:
            raise unavailable(str(error), error.retry_after_s) from None
        return Answer(status, [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers], sent)

    async def _pass_on(self, place: Place, request: Request) -> tuple[int, bytes, Sequence[tuple[str, str]]]:
        if place.project:
            answer = await self._doors.publish(place.kind, place.project, place.name, request)
        else:
            answer = await self._doors.send(place.kind, place.name, request)
        return answer.status, answer.body, answer.headers

    def _request(self, place: Place, received: Received, content: bytes, identifier: bytes) -> Request:
        headers = event_headers(received.lines, received.peer)
        if place.project:
            for name in CREDENTIALS:
                headers.pop(name.decode(), None)  # they were for this door
        return Request(
            method=received.method,
            path=place.rest,
            query=received.query.decode("latin-1"),
            headers=headers,
            body=content,
            sender=received.peer.address,
            is_local=self._is_local,
            is_known=bool(place.project),
            id=id_text(identifier),
        )
