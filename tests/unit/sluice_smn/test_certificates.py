"""Whose signature is believed, and how certificates are kept."""

import asyncio
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice_smn.certificates import AGAIN_S, KEEP_S, MOST_FETCHED, MOST_KEPT, Certificates, Forged
from sluice_smn.envelope import Envelope, read
from sluice_smn.hosts import Hosts
from tests.conformance.smn_fake import FakeWeb
from tests.smn import Signer, certificate

SIGNER, OTHER = Signer(), Signer()
HOST = "https://sns.eu-west-1.amazonaws.com"
URL = f"{HOST}/SimpleNotificationService-1.pem"
SMN_URL = "https://smn.local-1.myhuaweicloud.com/smn/SMN_1.pem"


class Surroundings:
    """Certificates of a trigger that believes SNS's and SMN's hosts, at the machine's time."""

    def __init__(self) -> None:
        self.clock = SteppedClock(time.time())
        self.web = FakeWeb({URL: SIGNER.pem, SMN_URL: SIGNER.pem})
        hosts = Hosts(["sns.eu-west-1.amazonaws.com", "smn.local-1.myhuaweicloud.com"])
        self.certificates = Certificates(self.web, hosts, self.clock)

    async def check(self, fields: dict[str, Any]) -> None:
        await self.certificates.check(of(fields))


def of(fields: dict[str, Any]) -> Envelope:
    return read(json.dumps(fields).encode())


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "host-3"}])
async def test_what_sns_signs_is_believed(around: Surroundings, version: str, subject: dict[str, str]) -> None:
    await around.check(SIGNER.notification("disk full ☃", "m-1", version=version, **subject))


async def test_confirmations_are_signed_over_their_own_fields(around: Surroundings) -> None:
    await around.check(SIGNER.confirmation(f"{HOST}/?Action=ConfirmSubscription"))
    await around.check(SIGNER.confirmation(f"{HOST}/?Action=ConfirmSubscription", Type="UnsubscribeConfirmation"))


async def test_what_smn_signs_is_believed(around: Surroundings) -> None:
    await around.check(SIGNER.smn("disk full", "m-1"))
    await around.check(SIGNER.smn("disk full", "m-1", subject="host-3"))
    await around.check(SIGNER.smn("join?", "m-1", type="SubscriptionConfirmation", subscribe_url="https://x.example/"))


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])
async def test_a_changed_field_is_not_believed(around: Surroundings, field: str) -> None:
    changed = {"Timestamp": "2026-03-02T07:11:40Z", "Type": "UnsubscribeConfirmation"}.get(field, "changed")
    with pytest.raises(Forged, match="does not fit"):
        await around.check({**SIGNER.notification("disk full", "m-1"), field: changed})


async def test_an_added_subject_is_not_believed(around: Surroundings) -> None:
    with pytest.raises(Forged):
        await around.check({**SIGNER.notification("disk full", "m-1"), "Subject": "s"})


@pytest.mark.parametrize("signature", ["", "bm90aGluZw==", "not base64", "ä"])
async def test_a_signature_of_nobody_is_not_believed(around: Surroundings, signature: str) -> None:
    with pytest.raises(Forged):
        await around.check({**SIGNER.notification("disk full", "m-1"), "Signature": signature})


@pytest.mark.parametrize("version", ["", "0", "3", "v1"])
async def test_an_unknown_version_is_not_believed(around: Surroundings, version: str) -> None:
    with pytest.raises(Forged, match="version"):
        await around.check({**SIGNER.notification("disk full", "m-1"), "SignatureVersion": version})


@pytest.mark.parametrize(
    "url", ["https://evil.example/a.pem", f"{HOST}@evil.example/a.pem", "http://sns.eu-west-1.amazonaws.com/a.pem", ""]
)
async def test_another_hosts_certificate_is_not_even_asked_for(around: Surroundings, url: str) -> None:
    around.web.pages[url] = OTHER.pem
    with pytest.raises(Forged):
        await around.check(OTHER.notification("disk full", "m-1", SigningCertURL=url))
    assert around.web.asked == []


async def test_what_is_no_certificate_by_its_name_is_not_asked_for(around: Surroundings) -> None:
    with pytest.raises(Forged):
        await around.check(SIGNER.notification("x", "m-1", SigningCertURL=f"{HOST}/?Action=DeleteTopic&Name=a.pem"))
    assert around.web.asked == []


@pytest.mark.parametrize("begins", [-2, 1])
async def test_a_certificate_that_is_not_valid_now_is_not_believed(around: Surroundings, begins: float) -> None:
    signer = Signer(begins=begins)
    around.web.pages[URL] = signer.pem
    with pytest.raises(Forged, match="not valid"):
        await around.check(signer.notification("disk full", "m-1"))


@pytest.mark.parametrize("page", [b"", b"hello", certificate(ec.generate_private_key(ec.SECP256R1()))])
async def test_what_is_no_certificate_of_an_rsa_key_is_not_believed(around: Surroundings, page: bytes) -> None:
    around.web.pages[URL] = page
    with pytest.raises(Forged):
        await around.check(SIGNER.notification("disk full", "m-1"))


async def test_a_certificate_is_fetched_once_and_again_after_an_hour(around: Surroundings) -> None:
    for _ in range(3):
        await around.check(SIGNER.notification("disk full", "m-1"))
    assert around.web.asked == [URL]
    around.clock.advance(KEEP_S + 1)
    await around.check(SIGNER.notification("disk full", "m-1"))
    assert around.web.asked == [URL, URL]


async def test_those_who_come_together_wait_for_one_fetch(around: Surroundings) -> None:
    await asyncio.gather(*(around.check(SIGNER.notification("disk full", f"m-{number}")) for number in range(50)))
    assert around.web.asked == [URL]


async def test_a_certificate_at_a_new_address_is_picked_up_at_once(around: Surroundings) -> None:
    await around.check(SIGNER.notification("disk full", "m-1"))
    around.web.pages[f"{HOST}/2.pem"] = OTHER.pem
    await around.check(OTHER.notification("disk full", "m-2", SigningCertURL=f"{HOST}/2.pem"))


async def test_a_certificate_that_was_replaced_in_its_place_is_picked_up_within_its_time(around: Surroundings) -> None:
    await around.check(SIGNER.notification("disk full", "m-1"))
    around.web.pages[URL] = OTHER.pem
    with pytest.raises(Forged):
        await around.check(OTHER.notification("disk full", "m-2"))
    around.clock.advance(AGAIN_S)
    await around.check(OTHER.notification("disk full", "m-2"))
    with pytest.raises(Forged):
        await around.check(SIGNER.notification("disk full", "m-1"))


async def test_forgeries_have_a_certificate_fetched_again_no_more_often_than_that(around: Surroundings) -> None:
    await around.check(SIGNER.notification("disk full", "m-1"))
    around.clock.advance(AGAIN_S)
    for _ in range(5):
        with pytest.raises(Forged):
            await around.check(OTHER.notification("disk full", "m-2"))
    assert around.web.asked == [URL, URL]


async def test_a_host_that_is_away_is_told_as_such_and_asked_again(around: Surroundings) -> None:
    around.web.pages[URL] = Unavailable("away")
    with pytest.raises(Unavailable):
        await around.check(SIGNER.notification("disk full", "m-1"))
    around.web.pages[URL] = SIGNER.pem
    await around.check(SIGNER.notification("disk full", "m-1"))


async def test_only_so_many_certificates_are_kept(around: Surroundings) -> None:
    for number in range(MOST_KEPT + 2):
        url = f"{HOST}/{number}.pem"
        around.web.pages[url] = SIGNER.pem
        await around.check(SIGNER.notification("disk full", "m-1", SigningCertURL=url))
    await around.check(SIGNER.notification("disk full", "m-1", SigningCertURL=f"{HOST}/17.pem"))
    assert len(around.web.asked) == MOST_KEPT + 2
    await around.check(SIGNER.notification("disk full", "m-1", SigningCertURL=f"{HOST}/0.pem"))
    assert len(around.web.asked) == MOST_KEPT + 3


async def test_only_so_many_are_fetched_at_a_time_and_none_after_the_end() -> None:
    all_asked = asyncio.Event()

    class Stuck(FakeWeb):
        async def get(self, url: str) -> bytes:
            self.asked.append(url)
            if len(self.asked) == MOST_FETCHED:
                all_asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    around = Surroundings()
    stuck = Stuck()
    certificates = Certificates(stuck, Hosts(["sns.eu-west-1.amazonaws.com"]), around.clock)
    sent = [of(SIGNER.notification("x", "m-1", SigningCertURL=f"{HOST}/{number}.pem")) for number in range(MOST_FETCHED + 1)]
    checks = [asyncio.ensure_future(certificates.check(envelope)) for envelope in sent[:-1]]
    await all_asked.wait()
    with pytest.raises(Unavailable, match="too many"):
        await certificates.check(sent[-1])
    await certificates.close()
    assert [type(result) for result in await asyncio.gather(*checks, return_exceptions=True)] == [asyncio.CancelledError] * MOST_FETCHED
