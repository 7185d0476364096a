"""Webhooks: their signatures by published vectors, what is refused and how it is named, and what the door makes of them."""

import base64
import hashlib
import hmac
from typing import Any

import msgspec
import pytest

from sluice.binding import Mode
from sluice.decoding import decode
from sluice.errors import Invalid
from sluice.outcome import DONE
from sluice.signature import DateOutsideWindow, MalformedSignature, NotSigned, SignatureMismatch
from sluice_gateway.settings import ApigSettings
from sluice_gateway.webhook import Webhook, check, read
from tests.unit.sluice_gateway.door import Door

GITHUB = Webhook(style="github", secret="It's a Secret to Everybody")
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""That of `Hello, World!`, as GitHub's documentation gives it."""
STANDARD = Webhook(style="standard", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
STANDARD_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_BODY, STANDARD_AT = b'{"test": 2432232314}', 1_614_265_330
"""As the Standard Webhooks documentation gives them."""
STRIPE = Webhook(style="stripe", secret="whsec_test_secret")
STRIPE_BODY, STRIPE_AT = b'{"id": "evt_1", "object": "event"}', 1_772_409_600
GENERIC = Webhook(style="generic", secret="a shared secret")


def hexadecimal(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def stripe(secret: str = STRIPE.secret, body: bytes = STRIPE_BODY, at: int = STRIPE_AT) -> dict[str, str]:
    return {"Stripe-Signature": f"t={at},v1={hexadecimal(secret, b'%d.' % at + body)},v0=legacy"}


def judged(webhook: Webhook, headers: dict[str, str], body: bytes, now: float = STRIPE_AT) -> str:
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return check(webhook, read(webhook, lines), body, now)


def test_githubs_published_signature_is_good_and_names_its_delivery() -> None:
    headers = {"X-Hub-Signature-256": GITHUB_SIGNATURE, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert judged(GITHUB, headers, b"Hello, World!") == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    with pytest.raises(SignatureMismatch):
        judged(GITHUB, headers, b"Hello, World?")


def test_the_published_standard_webhook_is_good_in_its_time() -> None:
    assert judged(STANDARD, STANDARD_HEADERS, STANDARD_BODY, STANDARD_AT + 299) == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    for now in (STANDARD_AT + 301, STANDARD_AT - 301):
        with pytest.raises(DateOutsideWindow):
            judged(STANDARD, STANDARD_HEADERS, STANDARD_BODY, now)
    with pytest.raises(SignatureMismatch):
        judged(STANDARD, STANDARD_HEADERS | {"webhook-id": "msg_other"}, STANDARD_BODY, STANDARD_AT)


def test_of_several_signatures_one_that_is_good_is_enough() -> None:
    several = f"v1a,AAAA v1,{base64.b64encode(b'x' * 32).decode()} {STANDARD_HEADERS['webhook-signature']}"
    assert judged(STANDARD, STANDARD_HEADERS | {"webhook-signature": several}, STANDARD_BODY, STANDARD_AT)
    header = stripe()["Stripe-Signature"].replace(",v0", f",v1={'0' * 64},v0")
    assert judged(STRIPE, {"Stripe-Signature": header}, STRIPE_BODY) == "evt_1"


def test_stripe_signs_the_time_with_the_body_and_names_the_event_in_it() -> None:
    assert judged(STRIPE, stripe(), STRIPE_BODY) == "evt_1"
    assert judged(STRIPE, stripe(body=b"no JSON"), b"no JSON") == ""
    later = stripe()["Stripe-Signature"].replace(f"t={STRIPE_AT}", f"t={STRIPE_AT + 1}")
    with pytest.raises(SignatureMismatch):
        judged(STRIPE, {"Stripe-Signature": later}, STRIPE_BODY)
    with pytest.raises(DateOutsideWindow):
        judged(msgspec.structs.replace(STRIPE, tolerance=10), stripe(), STRIPE_BODY, STRIPE_AT + 11)


@pytest.mark.parametrize("before", ["", "sha256="])
def test_a_generic_sender_signs_the_body_alone(before: str) -> None:
    body = b"\xff\x00 any bytes"
    headers = {"X-Signature-256": before + hexadecimal(GENERIC.secret, body), "X-Delivery-Id": "d-1"}
    assert judged(GENERIC, headers, body) == "d-1"
    own = msgspec.structs.replace(GENERIC, signature_header="X-Sig", id_header="X-Id")
    assert judged(own, {"X-Sig": headers["X-Signature-256"]}, body) == ""


def test_both_secrets_are_good_while_they_are_changed() -> None:
    changing = msgspec.structs.replace(STRIPE, secret="the new secret", previous_secret=STRIPE.secret)
    assert judged(changing, stripe(), STRIPE_BODY) == "evt_1"
    assert judged(changing, stripe("the new secret"), STRIPE_BODY) == "evt_1"
    with pytest.raises(SignatureMismatch):
        judged(msgspec.structs.replace(STRIPE, secret="the new secret"), stripe(), STRIPE_BODY)


@pytest.mark.parametrize(
    ("webhook", "headers", "error"),
    [
        (GITHUB, {}, NotSigned),
        (GITHUB, {"X-Hub-Signature": "sha1=00"}, NotSigned),
        (GITHUB, {"X-Hub-Signature-256": GITHUB_SIGNATURE.removeprefix("sha256=")}, MalformedSignature),
        (GITHUB, {"X-Hub-Signature-256": "sha256=xyz"}, MalformedSignature),
        (GITHUB, {"X-Hub-Signature-256": "sha256=größe"}, MalformedSignature),
        (GITHUB, {"X-Hub-Signature-256": "sha256="}, SignatureMismatch),
        (STRIPE, {"Stripe-Signature": ""}, MalformedSignature),
        (STRIPE, {"Stripe-Signature": "t=1,t=2,v1=00"}, MalformedSignature),
        (STRIPE, {"Stripe-Signature": "t=-1,v1=00"}, MalformedSignature),
        (STRIPE, {"Stripe-Signature": f"t={'9' * 5000},v1=00"}, MalformedSignature),
        (STRIPE, {"Stripe-Signature": f"t={STRIPE_AT},v0=00"}, MalformedSignature),
        (STRIPE, {"Stripe-Signature": f"t={STRIPE_AT}" + ",v1=00" * 17}, MalformedSignature),
        (STANDARD, STANDARD_HEADERS | {"webhook-timestamp": "today"}, MalformedSignature),
        (STANDARD, STANDARD_HEADERS | {"webhook-signature": "v1,***"}, MalformedSignature),
        (STANDARD, STANDARD_HEADERS | {"webhook-signature": "v2,AAAA"}, MalformedSignature),
    ],
)
def test_what_is_no_proof_is_named(webhook: Webhook, headers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        judged(webhook, headers, STRIPE_BODY)
    assert webhook.secret not in str(refused.value)


def test_a_signature_that_comes_twice_is_none() -> None:
    line = (b"x-hub-signature-256", GITHUB_SIGNATURE.encode())
    with pytest.raises(MalformedSignature, match="more than one"):
        read(GITHUB, [line, line])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"webhook": {"style": "github", "secret": "long enough"}, "auth": "IAM"}, "webhook"),
        ({"webhook": {"style": "github"}}, "webhook.secret"),
        ({"webhook": {"style": "github", "secret": "short"}}, "webhook.secret"),
        ({"webhook": {"style": "gitlab", "secret": "long enough"}}, "webhook.style"),
        ({"webhook": {"style": "github", "secret": "long enough", "secrets": []}}, "webhook.secrets"),
        ({"webhook": {"style": "standard", "secret": "whsec_%%%%%%%%"}}, "webhook.secret"),
        ({"webhook": {"style": "stripe", "secret": "long enough", "tolerance": 301}}, "webhook.tolerance"),
        ({"webhook": {"style": "generic", "secret": "long enough", "id_header": "a b"}}, "webhook.id_header"),
    ],
)
def test_settings_that_prove_nothing_are_refused_by_name(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode({"path": "/hooks", "auth": "NONE"} | changed, ApigSettings)
    assert [fault.field for fault in refused.value.faults] == [field]


def test_the_secrets_are_not_shown() -> None:
    settings = ApigSettings(path="/hooks", auth="NONE", webhook=msgspec.structs.replace(GENERIC, previous_secret="an older secret"))
    assert GENERIC.secret not in repr(settings)
    assert "an older secret" not in repr(settings)


def a_door(webhook: Webhook, mode: Mode = Mode.ASYNC, **more: Any) -> Door:
    door = Door()
    door.trigger("/hooks", mode=mode, webhook=msgspec.to_builtins(webhook), **more)
    door.dispatch.outcome = DONE
    return door


async def test_the_delivery_of_a_webhook_is_accepted_once() -> None:
    door = a_door(GITHUB)
    headers = {"X-Hub-Signature-256": GITHUB_SIGNATURE, "X-GitHub-Delivery": "d-1", "Idempotency-Key": "somebody else's"}
    first, again = [await door.ask("POST", "/hooks", b"Hello, World!", headers) for _ in range(2)]
    assert (first.status, first.json) == (202, again.json)
    assert [handed.dedupe for handed in door.dispatch.handed] == ["d-1", "d-1"]
    assert base64.b64decode(door.dispatch.handed[0].json["body"]) == b"Hello, World!"


async def test_who_does_not_prove_it_is_told_401_and_counted_and_nothing_is_handed_over() -> None:
    door = a_door(GITHUB)
    wrong = {"X-Hub-Signature-256": f"sha256={'0' * 64}"}
    for headers, said in (({}, "has no X-Hub-Signature-256"), (wrong, "not signed with the trigger's secret")):
        answered = await door.ask("POST", "/hooks", b"Hello, World!", headers)
        assert (answered.status, answered.code) == (401, "FSS.0401")
        assert said in answered.json["error_msg"]
    assert door.dispatch.handed == []
    counted = {labels[0]: value for _, labels, value in door.gateway.samples()}
    assert (counted["not_signed"], counted["signature"]) == (1, 1)


async def test_an_old_webhook_is_named_so() -> None:
    door = a_door(STRIPE)
    answered = await door.ask("POST", "/hooks", STRIPE_BODY, stripe(at=int(door.clock.time()) - 301))
    assert (answered.status, "signed more than 300 s from now" in answered.json["error_msg"]) == (401, True)
    assert (await door.ask("POST", "/hooks", STRIPE_BODY, stripe(at=int(door.clock.time()) - 299))).status == 202


async def test_a_synchronous_trigger_checks_webhooks_too() -> None:
    door = a_door(GITHUB, Mode.SYNC)
    assert (await door.ask("POST", "/hooks", b"Hello, World!", {"X-Hub-Signature-256": GITHUB_SIGNATURE[:-1] + "0"})).status == 401
    assert door.dispatch.handed == []
    await door.ask("POST", "/hooks", b"Hello, World!", {"X-Hub-Signature-256": GITHUB_SIGNATURE})
    assert [handed.how for handed in door.dispatch.handed] == ["call"]


async def test_a_filter_sees_only_what_was_proved() -> None:
    door = a_door(GITHUB, filter_text='{"action": "opened"}')
    body = b'{"action": "closed"}'
    assert (await door.ask("POST", "/hooks", body)).status == 401
    signature = f"sha256={hexadecimal(GITHUB.secret, body)}"
    assert (await door.ask("POST", "/hooks", body, {"X-Hub-Signature-256": signature})).status == 202
    assert (door.dispatch.dropped, door.dispatch.handed) == (1, [])
