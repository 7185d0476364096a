"""The handshake by which a sender of webhooks asks whether it may send, and what it shows later; pure."""

from urllib.parse import parse_qs

import msgspec

from sluice.push import Answer, Request, problem
from sluice_eventgrid.settings import EventGridSettings

ALLOW = ("allow", "OPTIONS, POST")
_ORIGIN = "webhook-request-origin"
_TOKEN = "access_token"


def permission(settings: EventGridSettings, request: Request) -> Answer:
    """The answer to OPTIONS: leave to send, at any rate, unless the origin is none of those that may."""
    if forbidden := stranger(settings, request):
        return forbidden
    origin = request.headers.get(_ORIGIN, "")
    if not origin:
        return Answer(200, headers=(ALLOW,))
    allowed = origin if settings.webhook_origins else "*"
    return Answer(200, headers=(ALLOW, ("webhook-allowed-origin", allowed), ("webhook-allowed-rate", "*")))


def stranger(settings: EventGridSettings, request: Request) -> Answer | None:
    """The 403 of a sender from none of the origins that may send."""
    wanted = {origin.lower() for origin in settings.webhook_origins}
    if not wanted or request.is_known or request.headers.get(_ORIGIN, "").lower() in wanted:
        return None
    return problem(403, "Forbidden: WebHook-Request-Origin is none of the trigger's webhook_origins.")


def with_token(request: Request) -> Request:
    """A token in the query counts as one in Authorization."""
    if _TOKEN not in request.query or "authorization" in request.headers:
        return request
    shown = parse_qs(request.query).get(_TOKEN, [""])[0]
    return msgspec.structs.replace(request, headers={**request.headers, "authorization": f"Bearer {shown}"})
