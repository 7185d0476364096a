"""A notification service for tests: signs as SNS and SMN do, with a certificate made here, and has it on a server of this machine."""

import base64
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID

from tests.servers import Moto

TOPIC = "arn:aws:sns:eu-west-1:000000000000:alerts"
URN = "urn:smn:local-1:p1:alerts"
_NOTIFIES = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SMN_NOTIFIES = ("message", "message_id", "subject", "timestamp", "topic_urn", "type")
_SMN_CONFIRMS = ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Signer:
    """A key, and its certificate from `begins` days from now for a day."""

    def __init__(self, *, begins: float = -0.5, bits: int = 2048) -> None:
        self.key = rsa.generate_private_key(65537, bits)
        self.pem = certificate(self.key, begins)

    def notification(self, message: str, identifier: str, *, version: str = "2", **more: Any) -> dict[str, Any]:
        """As SNS sends it; `more` replaces fields before it is signed."""
        fields = {
            "Type": "Notification",
            "MessageId": identifier,
            "TopicArn": TOPIC,
            "Message": message,
            "Timestamp": now(),
            "SignatureVersion": version,
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
            **more,
        }
        return self._signed(fields, _NOTIFIES if fields["Type"] == "Notification" else _CONFIRMS, version)

    def confirmation(self, url: str, **more: Any) -> dict[str, Any]:
        """The question whether the address wants what the topic sends."""
        fields = {"Type": "SubscriptionConfirmation", "Token": "t0ken", "SubscribeURL": url, **more}
        return self.notification("You have chosen to subscribe.", "m-confirm", **fields)

    def smn(self, message: str, identifier: str, **more: Any) -> dict[str, Any]:
        """As SMN sends it."""
        fields = {
            "type": "Notification",
            "message_id": identifier,
            "topic_urn": URN,
            "message": message,
            "timestamp": now()[:19] + "Z",
            "signature_version": "v1",
            "signing_cert_url": "https://smn.local-1.myhuaweicloud.com/smn/SMN_1.pem",
            **more,
        }
        names = _SMN_NOTIFIES if fields["type"] == "Notification" else _SMN_CONFIRMS
        return {**fields, "signature": self._signature(fields, names, hashes.SHA256())}

    def _signed(self, fields: dict[str, Any], names: tuple[str, ...], version: str) -> dict[str, Any]:
        return {**fields, "Signature": self._signature(fields, names, hashes.SHA1() if version == "1" else hashes.SHA256())}  # noqa: S303

    def _signature(self, fields: dict[str, Any], names: tuple[str, ...], algorithm: hashes.HashAlgorithm) -> str:
        text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
        return base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()


def sns(moto: Moto) -> Any:
    """A client of moto's SNS. It does not try again: a publisher that does gives its message another id."""
    return boto3.client(
        "sns",
        endpoint_url=moto.endpoint,
        region_name=moto.region,
        aws_access_key_id=moto.access_key,
        aws_secret_access_key=moto.secret_key,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
    )


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, begins: float = -0.5) -> bytes:
    """Of a key, signed by itself; PEM."""
    name = Name([NameAttribute(NameOID.COMMON_NAME, "topics of a test")])
    start = datetime.now(UTC) + timedelta(days=begins)
    builder = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(random_serial_number())
    made = builder.not_valid_before(start).not_valid_after(start + timedelta(days=1)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


class TopicServer:
    """Answers GET on loopback with what is in `pages`: a status and a body, by path without the query. `asked` has every address."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.go_on = threading.Event()
        """While it is not set, nobody is answered."""
        self.go_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.port = self._server.server_port
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @contextmanager
    def serving(self) -> Iterator["TopicServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def await_asked(self, path: str, within_s: float = 30.0) -> str:
        """The first address below the path that somebody asked for."""
        deadline = time.monotonic() + within_s
        while True:
            found = [asked for asked in list(self.asked) if asked.startswith(path)]
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"nobody asked for {path}: {self.asked}"
            time.sleep(0.02)


def _handler(server: TopicServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.hosts.append(self.headers["Host"])
            server.go_on.wait(30)
            status, body = server.pages.get(self.path.partition("?")[0], (404, b"nothing here"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """The test knows what was asked."""

    return Handler
