"""How a service is, asked over the wire."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from sluice.errors import Unavailable
from sluice.metrics import ENDED, PENDING, Kind, Metric
from sluice.status import Check
from sluice.wire.faults import PermissionDenied
from sluice.wire.peer import Peer
from sluice.wire.server import WireServer
from sluice.wire.status_client import RemoteStatus
from sluice.wire.status_server import StatusService
from sluice.wire.token import ServiceToken, issue, token_for

SECRET = b"0123456789abcdef"
NEWER = Metric("sluice_newer_total", Kind.COUNTER, "Of a release that this one does not know.")
FIGURES = [(ENDED, ("t", "failed"), 2.0), (NEWER, (), 1.0), (PENDING, ("t",), 3.5)]
CHECKS = [Check("disk", False, "full"), Check("x", True)]
SERVICE = StatusService(lambda: FIGURES, lambda: CHECKS)


async def test_figures_and_checks_arrive_as_they_are_without_what_is_not_known_here(tmp_path: Path) -> None:
    async with WireServer(f"unix:{tmp_path}/s", [SERVICE]) as server, aclosing(RemoteStatus(Peer(server.address))) as status:
        assert await status.figures() == [FIGURES[0], FIGURES[2]]
        assert await status.checks() == CHECKS


@pytest.mark.parametrize(
    ("token", "ask"),
    [
        (token_for("gateway"), RemoteStatus.checks),
        (token_for("control"), RemoteStatus.figures),
        (token_for("kafka"), RemoteStatus.figures),
        (ServiceToken("gateway", frozenset({"Status.*"}), project="p"), RemoteStatus.figures),
    ],
)
async def test_who_needs_them_gets_them_and_nobody_else(
    tmp_path: Path, token: ServiceToken, ask: Callable[[RemoteStatus], Awaitable[object]]
) -> None:
    peer = Peer(f"unix:{tmp_path}/s", lambda: issue(token, SECRET))
    async with WireServer(peer.address, [SERVICE], [SECRET]), aclosing(RemoteStatus(peer)) as status:
        with pytest.raises(PermissionDenied):
            await ask(status)


async def test_a_service_that_is_away_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(RemoteStatus(Peer(f"unix:{tmp_path}/s"))) as status:
        with pytest.raises(Unavailable):
            await status.figures()
