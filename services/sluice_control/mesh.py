"""Control as a service of the mesh: the catalog over gRPC, and the API over HTTP for the gateway only."""

import asyncio
import socket
from itertools import chain

from uvicorn import Config, Server

from sluice.host.kinds import by_type, installed
from sluice.host.member import Member, end, until_stopped
from sluice.settings import Settings
from sluice.status import Check
from sluice.wire.catalog_server import CatalogService
from sluice.wire.doors_client import RemoteDoors
from sluice.wire.logs_client import RemoteLogs
from sluice.wire.peer import Peer
from sluice.wire.records_client import RemoteRecords
from sluice.wire.server import WireServer
from sluice.wire.status_client import RemoteStatus
from sluice_control.control import Control
from sluice_control.credentials import write_credentials
from sluice_control.doctor import asked, connected, kinds, listening
from sluice_control.passage import Passage


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    member = Member("control", settings)
    async with member.probes(), Control(settings.data, by_type(installed()), member.clock, settings.region) as control:
        write_credentials(settings.data, f"http://{settings.listen}", await control.bootstrap_credentials())
        records = RemoteRecords(Peer(settings.dispatcher, member.token))
        logs = RemoteLogs(Peer(settings.runner, member.token))

        runner, dispatcher = (RemoteStatus(Peer(address, member.token)) for address in (settings.runner, settings.dispatcher))

        async def doctor() -> list[Check]:
            asking = (asked("dispatcher", dispatcher), asked("runner", runner))
            return [*chain(*await asyncio.gather(*asking)), *_own_checks(control, settings)]

        doors = RemoteDoors({kind: Peer(address, member.token) for kind, address in settings.door_addresses.items()})
        server = _server(Passage(control.api(records, logs, doctor), (member.secret,)), settings.control_api)
        async with WireServer(settings.control, (CatalogService(control),), (member.secret,)):
            serving = asyncio.create_task(server.serve())
            telling = asyncio.create_task(control.trail.run(doors))
            member.waits_for = ""
            await until_stopped(stop, serving, telling)
            server.should_exit = True
            await end(serving, telling)
        await records.close()
        await logs.close()
        await runner.aclose()
        await dispatcher.aclose()
        await doors.aclose()


def _own_checks(control: Control, settings: Settings) -> list[Check]:
    """What control knows of the others without asking them."""
    addresses = {name: getattr(settings, name) for name in ("control", "control_api", "dispatcher", "runner")}
    return [
        *connected(control.watchers.services(), control.view.kinds_in_use() | {"gateway"}),
        kinds(kind.name for kind in control.kinds.values()),
        listening({"gateway": settings.listen, **addresses}),
    ]


class _Quiet(Server):
    """uvicorn without its own signal handlers: the process has them."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)


def _server(app: Passage, address: str) -> Server:
    host, _, port = address.rpartition(":")
    config = Config(app, host=host, port=int(port), lifespan="off", access_log=False, log_config=None, ws="none", server_header=False)
    return _Quiet(config)
