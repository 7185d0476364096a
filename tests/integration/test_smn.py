"""The SMN kind's adapter and a service's own TLS server: trust, what changes while a trigger runs, and what is away."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.errors import SourceRefused
from sluice.push import Answer, Request
from sluice_smn import KIND
from tests.certificates import Authority
from tests.conformance.bench import BINDING
from tests.conformance.intake import FakeIntake
from tests.smn import TOPIC, Signer, TopicServer

SIGNER = Signer()
CERTIFICATE, CONFIRM = "/SimpleNotificationService-1.pem", "/confirm?Token=t0ken"


def server_of(authority: Authority, folder: Path, port: int = 0) -> TopicServer:
    """On TLS, with the signer's certificate."""
    made = authority.issue("127.0.0.1")
    file = folder / "server.pem"
    file.write_bytes(made.key + made.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = TopicServer(port, context)
    server.pages |= {CERTIFICATE: (200, SIGNER.pem), "/confirm": (200, b"<ok/>")}
    return server


Ask = Callable[[dict[str, Any]], "asyncio.Future[Answer]"]


@asynccontextmanager
async def running(intake: FakeIntake, **settings: object) -> AsyncIterator[Ask]:
    """A trigger as the mesh makes it; what asks it."""
    trigger = KIND.build(BINDING, msgspec.convert({"topic_urn": TOPIC} | settings, KIND.settings))
    ready = asyncio.Event()
    task = asyncio.create_task(trigger.run(intake, ready.set))
    await ready.wait()
    assert intake.served is not None
    serve = intake.served
    try:
        yield lambda fields: asyncio.ensure_future(serve(Request(body=json.dumps(fields).encode())))
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_service_with_an_authority_of_its_own_is_believed_and_confirmed(tmp_path: Path) -> None:
    authority, intake = Authority(), FakeIntake()
    with server_of(authority, tmp_path).serving() as server:
        own = {"SigningCertURL": server.origin + CERTIFICATE}
        trust = {"certificate_hosts": [f"127.0.0.1:{server.port}"], "tls_ca": authority.certificate.decode()}
        async with running(intake, **trust) as ask:
            assert (await ask(SIGNER.confirmation(server.origin + CONFIRM, **own))).status == 200
            assert (await ask(SIGNER.notification("disk full", "m-1", **own))).status == 202
        assert server.asked == [CERTIFICATE, CONFIRM]
    assert [record.id for record in intake.accepted] == ["m-1"]


async def test_a_changed_tls_ca_is_read_for_the_next_certificate(tmp_path: Path) -> None:
    authority, other, intake = Authority(), Authority(), FakeIntake()
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(other.certificate)
    with server_of(authority, tmp_path).serving() as server:
        sent = SIGNER.notification("disk full", "m-1", SigningCertURL=server.origin + CERTIFICATE)
        async with running(intake, certificate_hosts=[f"127.0.0.1:{server.port}"], tls_ca=str(trusted)) as ask:
            refused = await ask(sent)
            assert refused.status == 403
            assert b"TLS failed" in refused.body
            trusted.write_bytes(authority.certificate)
            assert (await ask(sent)).status == 202


async def test_a_tls_ca_that_cannot_be_read_is_named_and_one_that_goes_away_has_senders_come_again(tmp_path: Path) -> None:
    authority, trusted = Authority(), tmp_path / "ca.pem"
    settings = msgspec.convert({"topic_urn": TOPIC, "tls_ca": str(trusted)}, KIND.settings)
    with pytest.raises(SourceRefused, match="tls_ca"):
        await KIND.build(BINDING, settings).run(FakeIntake(), lambda: None)
    trusted.write_bytes(authority.certificate)
    with server_of(authority, tmp_path).serving() as server:
        sent = SIGNER.notification("disk full", "m-1", SigningCertURL=server.origin + CERTIFICATE)
        async with running(FakeIntake(), certificate_hosts=[f"127.0.0.1:{server.port}"], tls_ca=str(trusted)) as ask:
            trusted.unlink()
            answer = await ask(sent)
            assert (answer.status, b"tls_ca" in answer.body) == (503, True)
            trusted.write_bytes(authority.certificate)
            assert (await ask(sent)).status == 202


async def test_while_the_service_is_away_its_messages_are_asked_for_again(tmp_path: Path) -> None:
    authority, intake = Authority(), FakeIntake()
    with server_of(authority, tmp_path).serving() as server:
        port, origin = server.port, server.origin
    sent = SIGNER.notification("disk full", "m-1", SigningCertURL=origin + CERTIFICATE)
    trust = {"certificate_hosts": [f"127.0.0.1:{port}"], "tls_ca": authority.certificate.decode()}
    async with running(intake, **trust) as ask:
        away = await ask(sent)
        assert (away.status, "retry-after" in dict(away.headers)) == (503, True)
        with server_of(authority, tmp_path, port).serving():
            assert (await ask(sent)).status == 202
        assert (await ask(SIGNER.notification("disk full", "m-2", SigningCertURL=origin + CERTIFICATE))).status == 202, "it is kept"
