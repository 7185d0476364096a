"""The SMN trigger: takes what a topic sends to its address, and what is published to the topic here."""

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from sluice.clock import Clock, SystemClock
from sluice.errors import Unavailable
from sluice.event import id_text, random_id
from sluice.outcome import Outcome, Verdict
from sluice.push import Answer, Request, problem
from sluice.pushed import refusal, told
from sluice.trigger import Intake
from sluice_smn import publication
from sluice_smn.certificates import Certificates, Forged
from sluice_smn.envelope import CONFIRMATION, NOTIFICATION, UNSUBSCRIBED, Envelope, Unreadable, check_id, read
from sluice_smn.hosts import Hosts
from sluice_smn.notice import Notice
from sluice_smn.settings import SmnSettings
from sluice_smn.web import NotGiven, Web

AHEAD_S = 300.0
"""So far may the clock of whoever signs be ahead of ours."""
RAW, RAW_ID, RAW_TOPIC = "x-amz-sns-rawdelivery", "x-amz-sns-message-id", "x-amz-sns-topic-arn"
"""Headers of a message without an envelope."""

log = structlog.get_logger("sluice.smn")


class SmnTrigger:
    """One trigger. `run` may be called again after it ended; `name` is its id, for the log."""

    def __init__(self, settings: SmnSettings, web: Web, name: str, clock: Clock | None = None) -> None:
        self._settings = settings
        self._web = web
        self._name = name
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceRefused for a tls_ca that cannot be used; after that nothing ends it but its cancelling: whoever
        cannot be served is told so."""
        self._web.check()
        taking = _Taking(self._settings, self._web, self._name, intake, self._clock)
        try:
            intake.serve(taking.answer, self._settings.topic_urn)
            ready()
            await asyncio.Event().wait()
        finally:
            await taking.end()


class _Taking:
    """One run's worth of requests."""

    def __init__(self, settings: SmnSettings, web: Web, name: str, intake: Intake, clock: Clock) -> None:
        self._settings = settings
        self._web = web
        self._intake = intake
        self._clock = clock
        self._hosts = Hosts(settings.hosts)
        self._certificates = Certificates(web, self._hosts, clock)
        self._log = log.bind(trigger=name, topic=settings.topic_urn)

    async def answer(self, request: Request) -> Answer:
        try:
            return await self._answered(request)
        except Unreadable as fault:
            return problem(400, f"Invalid parameter: {fault}.")
        except Forged as fault:
            self._log.warning("message refused", reason=str(fault), sender=request.sender)
            return problem(403, f"Forbidden: {fault}.")
        except Unavailable as away:
            self._log.warning("message not checked", reason=str(away))
            return problem(503, f"Service unavailable: {away}.", retry_after_s=away.retry_after_s)

    async def end(self) -> None:
        await self._certificates.close()
        await self._web.close()

    async def _answered(self, request: Request) -> Answer:
        if request.method != "POST":
            answer = problem(405, "Method not allowed.")
            return msgspec.structs.replace(answer, headers=(*answer.headers, ("allow", "POST")))
        if request.is_known:
            return await self._published(request)
        is_raw = self._settings.raw_delivery and request.headers.get(RAW, "").lower() == "true"
        is_signed = self._settings.verify_signature and not is_raw
        if (self._settings.push_token or not is_signed) and (refused := refusal(self._settings, request)):
            return refused
        return await (self._take_raw(request) if is_raw else self._take(request))

    async def _published(self, request: Request) -> Answer:
        request_id = request.id or id_text(random_id())
        given = publication.read(request.body)
        trace = request.headers.get("traceparent", "")
        notice = given.notice(request_id, int(self._clock.time() * 1000), trace if trace.isascii() else "")
        outcome = await self._deliver(notice)
        if outcome.verdict is not Verdict.DONE:
            return told(outcome)
        body = msgspec.json.encode({"request_id": request_id, "message_id": notice.id})
        return Answer(200, body, (("content-type", "application/json"),))

    async def _take_raw(self, request: Request) -> Answer:
        self._check_topic(request.headers.get(RAW_TOPIC, ""))
        identifier = request.headers.get(RAW_ID, "")
        check_id(RAW_ID, identifier)
        return told(await self._deliver(Notice(id=identifier, message=request.body, time_ms=int(self._clock.time() * 1000))))

    async def _take(self, request: Request) -> Answer:
        envelope = read(request.body)
        self._check_topic(envelope.topic)
        if self._settings.verify_signature:
            self._check_age(envelope)
            await self._certificates.check(envelope)
        match envelope.type:
            case "Notification":
                return told(await self._deliver(envelope.notice()))
            case "SubscriptionConfirmation":
                return await self._confirm(envelope)
            case "UnsubscribeConfirmation":
                self._log.warning("subscription ended")
                return Answer(200)
            case unknown:
                raise Unreadable(f"{envelope.dialect.type} {unknown[:40]!r} is none of {NOTIFICATION}, {CONFIRMATION}, {UNSUBSCRIBED}")

    async def _confirm(self, envelope: Envelope) -> Answer:
        """The topic sends what is published to it from the moment at which the address that it names was asked for."""
        if not self._hosts.admits(envelope.subscribe_url):
            raise Forged(f"{envelope.dialect.subscribe_url} is at no host of certificate_hosts")
        try:
            await self._web.get(envelope.subscribe_url)
        except NotGiven as refused:
            raise Forged(f"the subscription cannot be confirmed: {refused}") from refused
        self._log.info("subscription confirmed")
        return Answer(200)

    def _check_topic(self, topic: str) -> None:
        if topic != self._settings.topic_urn:
            raise Forged(f"the message is of the topic {topic[:255]!r}, the trigger of another one")

    def _check_age(self, envelope: Envelope) -> None:
        age_s = self._clock.time() - envelope.time_ms / 1000
        if age_s > self._settings.max_age_s:
            raise Forged(f"the message is older than {self._settings.max_age_s} s (max_age_s)")
        if age_s < -AHEAD_S:
            raise Forged("the message is from the future")

    async def _deliver(self, notice: Notice) -> Outcome:
        return await self._intake.deliver(notice.record(self._settings.topic_urn))
