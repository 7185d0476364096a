"""Certificates of those who sign, fetched where a message says, kept, and looked at again."""

import asyncio
import base64
import binascii
from collections import OrderedDict
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from sluice.clock import Clock
from sluice.errors import SluiceError, Unavailable
from sluice_smn.envelope import SNS, Envelope
from sluice_smn.hosts import Hosts
from sluice_smn.web import NotGiven, Web

KEEP_S = 3600.0
"""A certificate is fetched again after this: one that was taken back counts no longer than that."""
AGAIN_S = 30.0
"""A signature that does not fit has its certificate fetched again, if that is so old: it may have been replaced in its place."""
MOST_KEPT = 16
MOST_FETCHED = 8
"""So many are fetched at a time; who comes beside them is told to come again."""


class Forged(SluiceError):
    """Whoever sent this is not believed."""


class Kept(NamedTuple):
    key: RSAPublicKey
    hash: hashes.HashAlgorithm
    """What the certificate itself is signed with."""
    since_s: float
    good_from_s: float
    good_until_s: float


class Certificates:
    """Of one trigger. Close it when done."""

    def __init__(self, web: Web, hosts: Hosts, clock: Clock) -> None:
        self._web = web
        self._hosts = hosts
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[Kept]] = {}

    async def check(self, envelope: Envelope) -> None:
        """Raises Forged unless the signature is that of a host that is believed, Unavailable if that cannot be found out now."""
        url = envelope.certificate_url
        if not self._hosts.admits(url) or not url.partition("?")[0].endswith(".pem"):
            raise Forged(f"{envelope.dialect.certificate_url} is at no host of certificate_hosts, or no .pem")
        signature, signed = _signature(envelope), envelope.signed()
        kept = await self._known(url)
        if not _fits(kept, envelope, signature, signed):
            if self._clock.monotonic() - kept.since_s < AGAIN_S:
                raise Forged("the signature does not fit")
            kept = await self._fetched(url)
            if not _fits(kept, envelope, signature, signed):
                raise Forged("the signature does not fit")
        if not kept.good_from_s <= self._clock.time() <= kept.good_until_s:
            raise Forged("the certificate is not valid now")

    async def close(self) -> None:
        fetching = list(self._fetching.values())
        for task in fetching:
            task.cancel()
        if fetching:
            await asyncio.wait(fetching)

    async def _known(self, url: str) -> Kept:
        kept = self._kept.get(url)
        if kept is None or self._clock.monotonic() - kept.since_s > KEEP_S or self._clock.time() > kept.good_until_s:
            return await self._fetched(url)
        self._kept.move_to_end(url)
        return kept

    async def _fetched(self, url: str) -> Kept:
        """Once for all who ask meanwhile."""
        fetching = self._fetching.get(url)
        if fetching is None:
            if len(self._fetching) >= MOST_FETCHED:
                raise Unavailable("too many certificates are being fetched")
            fetching = self._fetching[url] = asyncio.get_running_loop().create_task(self._fetch(url))
            fetching.add_done_callback(lambda _: self._fetching.pop(url))
        return await asyncio.shield(fetching)

    async def _fetch(self, url: str) -> Kept:
        try:
            kept = _read(await self._web.get(url), self._clock.monotonic())
        except NotGiven as refused:
            raise Forged(f"the certificate cannot be had: {refused}") from refused
        self._kept[url] = kept
        self._kept.move_to_end(url)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return kept


def _read(pem: bytes, now_s: float) -> Kept:
    try:
        certificate = load_pem_x509_certificate(pem)
        key = certificate.public_key()
        algorithm = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Forged("what is at the certificate's address is no certificate") from error
    if not isinstance(key, RSAPublicKey) or algorithm is None:
        raise Forged("the certificate's key is not RSA")
    return Kept(key, algorithm, now_s, certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp())


def _signature(envelope: Envelope) -> bytes:
    try:
        return base64.b64decode(envelope.signature, validate=True)
    except (binascii.Error, ValueError):
        raise Forged("the signature is not base64") from None


def _fits(kept: Kept, envelope: Envelope, signature: bytes, signed: bytes) -> bool:
    try:
        kept.key.verify(signature, signed, PKCS1v15(), _algorithm(kept, envelope))
    except InvalidSignature:
        return False
    return True


def _algorithm(kept: Kept, envelope: Envelope) -> hashes.HashAlgorithm:
    """SNS says it by the version; SMN, which has one version, signs as its certificate is signed."""
    known = {"1": hashes.SHA1(), "2": hashes.SHA256()} if envelope.dialect is SNS else {"v1": kept.hash}  # noqa: S303
    found = known.get(envelope.version)
    if found is None:
        raise Forged(f"nothing is known of signature version {envelope.version[:20]!r}")
    return found
