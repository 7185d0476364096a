"""What the triggers of pushed sources have in common: who may send, how records are handed over, and what the sender is told."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from sluice.event import Record
from sluice.outcome import DONE, Outcome, Verdict
from sluice.push import Answer, Request, problem
from sluice.source_settings import SourceSettings
from sluice.trigger import Intake

_NO_TOKEN = "Unauthorized access: the trigger has no push_token, and without one only the machine itself may send."
_RANKS = {Verdict.DONE: 0, Verdict.REFUSED: 1, Verdict.RETRY: 2}


class PushedSettings(SourceSettings, frozen=True, kw_only=True):
    """`event_data` of a kind whose sources push."""

    hidden: ClassVar[frozenset[str]] = frozenset({"push_token"})

    push_token: Annotated[str, Meta(max_length=1024)] = ""
    """What a sender to the trigger's own address shows, as `Authorization: Bearer` or as the password of `Authorization: Basic`. "": only
    senders that the kind knows in another way, or any while the gateway listens on this machine only."""


def refusal(settings: PushedSettings, request: Request) -> Answer | None:
    """The 401 of a sender that shows no token; None for one who may send."""
    if request.is_known:
        return None
    wanted = settings.push_token
    if not wanted:
        return None if request.is_local else problem(401, _NO_TOKEN)
    if hmac.compare_digest(_shown(request.headers.get("authorization", "")), wanted.encode()):
        return None
    answer = problem(401, "Unauthorized access: Authorization is not Bearer and the trigger's push_token.")
    return msgspec.structs.replace(answer, headers=(*answer.headers, ("www-authenticate", 'Bearer, Basic realm="sluice"')))


def _shown(authorization: str) -> bytes:
    scheme, _, shown = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return shown.strip().encode("utf-8", "surrogateescape")
        case "basic":
            try:
                return base64.b64decode(shown, validate=True).partition(b":")[2]
            except binascii.Error:
                return b""
    return b""


async def deliver_all(intake: Intake, records: Iterable[Record]) -> Outcome:
    """Hand over what came with one request, all at the same time; the outcome of the record that was worst off. A sender that comes again
    because of one record brings the others again too: give them ids."""
    delivering = [intake.deliver(record) for record in records]
    if len(delivering) == 1:
        return await delivering[0]
    outcomes = await asyncio.gather(*delivering)
    return max(outcomes, key=lambda outcome: _RANKS[outcome.verdict], default=DONE)


def told(outcome: Outcome) -> Answer:
    """The answer for what was handed over: 202 once it is on disk, 429 while there is no room for it, 503 for come again, 400 for never."""
    if outcome.full:
        return problem(429, f"Too many requests: {outcome.reason}.", retry_after_s=outcome.retry_after_s)
    match outcome.verdict:
        case Verdict.DONE:
            return Answer(202)
        case Verdict.RETRY:
            return problem(503, f"Service unavailable: {outcome.reason}.", retry_after_s=outcome.retry_after_s or 1.0)
        case Verdict.REFUSED:
            return problem(400, f"Invalid parameter: {outcome.reason}.")
