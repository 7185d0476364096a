"""One end of the wire in a process of its own, to be stopped and killed: python -m tests.integration.wire_process ROLE ADDRESS.

It says what happens to it on standard output, a line each.
"""

import asyncio
import sys

from sluice.errors import SluiceError
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Slice, SourceKey
from sluice.outcome import Reply
from sluice.runner import Call, Done
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import WireServer
from tests.unit.sluice.wire.fake_dispatch import FakeDispatch
from tests.unit.sluice.wire.fake_runner import FakeRunner

PACE = Pace(beat_s=0.2, beats=4)
KEY = SourceKey("t-1", "1", "orders/0")
FUNCTION = Function("urn:fss:here:p:function:default:f:1")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def dispatcher(address: str) -> None:
    async with WireServer(address, [DispatcherService(FakeDispatch(), kind_of=lambda _trigger: "", pace=PACE)]):
        say("ready")
        await asyncio.get_running_loop().create_future()


class SayingRunner(FakeRunner):
    def submit(self, call: Call, done: Done) -> None:
        self.hold = call.body == b"hold"
        say("begun", call.id.hex(), call.attempt)
        super().submit(call, done)


async def runner(address: str) -> None:
    """Answers what is not `hold`; that, when a line comes on standard input."""
    fake = SayingRunner()
    async with WireServer(address, [RunnerService(fake, fake, PACE)]):
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        for event in list(fake.running):
            fake.finish(event)
        await asyncio.get_running_loop().create_future()


async def trigger(address: str) -> None:
    """Claims the source and offers slices until that fails."""
    async with RemoteDispatch(Peer(address), PACE) as dispatch:
        session = dispatch.session("kafka")
        claim = await session.claim(KEY)
        say("claimed", claim.epoch, claim.position)
        position = claim.position
        try:
            while True:
                following = str(int(position or 0) + 1)
                await session.accept(Slice(KEY, claim.epoch, position, following, [Event(random_id(), b"{}")]))
                position = following
                await asyncio.sleep(0.01)
        except SluiceError as error:
            say("lost", type(error).__name__)
        await asyncio.get_running_loop().create_future()


async def owner(address: str) -> None:
    """A dispatcher: one call that does not end."""
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        remote.submit(Call(b"o" * 16, FUNCTION, b"hold"), told)
        await asyncio.get_running_loop().create_future()


def told(call: Call, reply: Reply) -> None:
    say("told", reply.failure.kind if reply.failure else reply.status)


if __name__ == "__main__":
    roles = {"dispatcher": dispatcher, "runner": runner, "trigger": trigger, "owner": owner}
    asyncio.run(roles[sys.argv[1]](sys.argv[2]))
