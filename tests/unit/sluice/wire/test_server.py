"""Where a service may listen, and to whom it answers."""

import asyncio
from pathlib import Path

import pytest

from sluice.errors import ConfigurationError, SluiceError
from sluice.event import Event, random_id
from sluice.ledger import SourceKey
from sluice.outcome import Verdict
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.faults import PermissionDenied, Unauthenticated
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.server import WireServer
from sluice.wire.token import issue, token_for
from tests.unit.sluice.wire.fake_dispatch import FakeDispatch

PACE = Pace(beat_s=0.1)
SECRET = b"a secret of the mesh"


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "10.1.2.3:80", "example.org:80"])
def test_beyond_this_machine_nobody_listens_without_a_secret(address: str) -> None:
    with pytest.raises(ConfigurationError, match="mesh secret"):
        WireServer(address, [])
    WireServer(address, [], [SECRET])


async def test_a_free_port_is_chosen_and_said() -> None:
    async with WireServer("127.0.0.1:0", []) as server:
        assert int(server.address.removeprefix("127.0.0.1:")) > 0


async def test_an_address_that_is_taken_or_impossible_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen on"):
        async with WireServer(f"unix:{tmp_path}/no/such/folder", []):
            pass


@pytest.mark.parametrize(
    ("token", "error"),
    [("", Unauthenticated), ("a.b", Unauthenticated), (issue(token_for("runner"), SECRET), PermissionDenied)],
)
async def test_a_stream_with_an_unknown_token_is_refused_and_says_so(tmp_path: Path, token: str, error: type[SluiceError]) -> None:
    seen: list[SluiceError | None] = []
    service = DispatcherService(FakeDispatch(), kind_of=lambda _trigger: "", pace=PACE)
    async with (
        WireServer(f"unix:{tmp_path}/d", [service], [SECRET]) as server,
        RemoteDispatch(Peer(server.address, lambda: token), PACE, lambda _rpc, why: seen.append(why)) as dispatch,
    ):
        with pytest.raises(error):
            await dispatch.session("kafka").claim(SourceKey("t-1", "1", "0"))
        outcome = await dispatch.push("t-1", Event(random_id(), b""))
        assert outcome.verdict is Verdict.RETRY
    assert {type(why) for why in seen} == {error}


async def test_a_service_hands_over_events_of_its_own_kinds_only(tmp_path: Path) -> None:
    fake = FakeDispatch()
    service = DispatcherService(fake, kind_of={"t-1": "timer", "t-2": "kafka"}.__getitem__, pace=PACE)
    async with (
        WireServer(f"unix:{tmp_path}/d", [service], [SECRET]) as server,
        RemoteDispatch(Peer(server.address, lambda: issue(token_for("kafka"), SECRET)), PACE) as dispatch,
    ):
        session = dispatch.session("kafka")
        with pytest.raises(PermissionDenied, match="does not serve the kind timer"):
            await session.claim(SourceKey("t-1", "1", "0"))
        await session.claim(SourceKey("t-2", "1", "0"))
        assert (await dispatch.push("t-2", Event(random_id(), b""))).verdict is Verdict.DONE
        assert (await asyncio.wait_for(dispatch.push("t-1", Event(random_id(), b"")), 5)).verdict is Verdict.RETRY
    assert [trigger for trigger, _, _ in fake.pushed] == ["t-2"]
