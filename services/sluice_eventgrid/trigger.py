"""The EventGrid trigger: hands over the CloudEvents that are sent to it or published to its channel."""

import asyncio
from collections.abc import Callable
from functools import partial

from sluice.clock import Clock, SystemClock
from sluice.cloudevents import NotUnderstood
from sluice.errors import Invalid
from sluice.push import Answer, Request, problem
from sluice.pushed import deliver_all, refusal, told
from sluice.trigger import Intake
from sluice_eventgrid.delivery import TooLarge, records_of
from sluice_eventgrid.settings import EventGridSettings
from sluice_eventgrid.webhook import ALLOW, permission, stranger, with_token

PATHS = ("", "/", "/events")
"""What may follow either address; the last one is EventGrid's own."""


class EventGridTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: EventGridSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Never raises by itself: there is nothing to connect to."""
        channel = self._settings.channel_id
        intake.serve(partial(self._answer, intake), *([channel] if channel else []))
        ready()
        await asyncio.Event().wait()

    async def _answer(self, intake: Intake, request: Request) -> Answer:
        if refused := self._refusal(request):
            return refused
        if request.method == "OPTIONS":
            return permission(self._settings, request)
        try:
            records = records_of(request, int(self._clock.time() * 1000))
        except Invalid as invalid:
            return problem(400, f"Invalid parameter: {invalid}.")
        except TooLarge as large:
            return problem(413, f"Request entity too large: {large}.")
        except NotUnderstood as reason:
            return problem(415, f"Unsupported media type: {reason}.")
        return told(await deliver_all(intake, records))

    def _refusal(self, request: Request) -> Answer | None:
        if request.path not in PATHS:
            return problem(404, f"Nothing is at {request.path[:80]} of the trigger.")
        match request.method:
            case "OPTIONS":
                return None  # the sender asks before it has anything to show
            case "POST":
                return refusal(self._settings, with_token(request)) or stranger(self._settings, request)
        answer = problem(405, "Method not allowed: events are sent with POST.")
        return Answer(answer.status, answer.body, (*answer.headers, ALLOW))
