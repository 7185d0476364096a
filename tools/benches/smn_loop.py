"""What taking signed messages of a topic costs by itself, in a process of its own:

    python -m tools.benches.smn_loop bare|kind MESSAGES

`bare` decodes each message and has `cryptography` verify its signature with a key that is at hand. `kind` is the trigger on an intake that
accepts at once and has an event made of every fifty messages. Prints messages a second and CPU microseconds a message.
"""

import asyncio
import base64
import json
import sys

import uvloop
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from sluice.binding import Binding
from sluice.push import Request, Serve
from sluice_smn import KIND
from sluice_smn.settings import SmnSettings
from sluice_smn.trigger import SmnTrigger
from tests.conformance.smn_fake import FakeWeb
from tests.smn import TOPIC, Signer
from tools.benches.loop import AcceptsAtOnce, Count

BATCH = 50
SIGNED = 500
"""Different messages: they come round again, because signing costs ten times what taking them does."""
BODY_BYTES = 1024
NAMES = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


class Pushed(AcceptsAtOnce):
    """Keeps what answers requests."""

    answer: Serve

    def serve(self, answer: Serve, *topics: str) -> None:
        self.answer = answer


def bodies(signer: Signer) -> list[bytes]:
    return [json.dumps(signer.notification("x" * BODY_BYTES, f"n-{number}", Subject="host-3")).encode() for number in range(SIGNED)]


async def kind(signer: Signer, messages: int, count: Count) -> None:
    settings = SmnSettings(topic_urn=TOPIC, batch_size=BATCH, max_age_s=86_400)
    binding = Binding("bench", "p1", "SMN", "smn", "urn:fss:local-1:p1:function:default:f:latest", b"{}", batch_size=BATCH)
    web = FakeWeb({signer.notification("", "0")["SigningCertURL"]: signer.pem})
    intake, ready = Pushed(KIND, binding, settings, count), asyncio.Event()
    running = asyncio.ensure_future(SmnTrigger(settings, web, "bench").run(intake, ready.set))
    await ready.wait()
    sent = bodies(signer)
    for number in range(messages):
        answer = await intake.answer(Request(body=sent[number % SIGNED]))
        assert answer.status == 202, answer
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(signer: Signer, messages: int, count: Count) -> None:
    key = load_pem_x509_certificate(signer.pem).public_key()
    assert isinstance(key, RSAPublicKey)
    sent = bodies(signer)
    for number in range(messages):
        message = json.loads(sent[number % SIGNED])
        text = "".join(f"{name}\n{message[name]}\n" for name in NAMES if name in message)
        key.verify(base64.b64decode(message["Signature"]), text.encode(), PKCS1v15(), SHA256())
        count.one()


async def main() -> None:
    what, messages = sys.argv[1], int(sys.argv[2])
    count = Count(messages)
    await {"bare": bare, "kind": kind}[what](Signer(), messages, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
