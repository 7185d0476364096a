"""`sluice up --mesh`: the services as processes on this machine, connected by gRPC, each started again when it ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from sluice.errors import ConfigurationError
from sluice.host.kinds import installed
from sluice.settings import Settings
from sluice_cli.fleet import Fleet, free_ports
from sluice_cli.listening import require_free

CORE = ("control", "dispatcher", "runner", "gateway")
POLL_S = 0.02

Announce = Callable[[Path, str], None]


async def run_mesh(settings: Settings, config: Path | None, stop: asyncio.Event, announce: Announce) -> None:
    """Run every service as a process until `stop` is set. Raises ConfigurationError if one of them refuses to start, with what it said, or
    if not all are ready in time."""
    require_free(settings.listen)
    if settings.listen.endswith(":0"):
        settings = msgspec.structs.replace(settings, listen=f"{settings.listen[:-2]}:{free_ports(1)[0]}")
    found = {kind.name: kind for kind in installed() if kind.name not in CORE}
    kinds = sorted(found)
    fleet = Fleet(settings, config, (*CORE, *kinds), [name for name in kinds if found[name].pushed])
    keepers = [asyncio.create_task(fleet.keep(service), name=service) for service in (*CORE, *kinds)]
    try:
        if await _ready_or_stopped(fleet, stop, settings.start_within_s):
            announce(settings.data / "credentials.json", f"http://{settings.listen}")
        await stop.wait()
    finally:
        # what brings events in stops first, then what runs them
        for services in (("gateway", *kinds), ("dispatcher",), ("runner", "control")):
            await _end([task for task in keepers if task.get_name() in services])


async def _ready_or_stopped(fleet: Fleet, stop: asyncio.Event, within_s: float) -> bool:
    """Whether all services are ready; False when somebody asked to stop before. Raises ConfigurationError."""
    waits = dict.fromkeys(fleet.probes, "its start")
    ready = asyncio.create_task(_all_ready(fleet, waits))
    ends = {asyncio.create_task(event.wait()) for event in (stop, fleet.refused)}
    await asyncio.wait({ready, *ends}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    is_ready = ready.done()
    for task in (ready, *ends):
        task.cancel()
    if not is_ready and not stop.is_set():
        raise ConfigurationError(_why(fleet.refusals, waits, within_s))
    return is_ready


def _why(refusals: dict[str, str], waits: dict[str, str], within_s: float) -> str:
    """What keeps the mesh from its start, in one line; pure."""
    if refusals:
        return "; ".join(f"the {service} service does not start: {why}" for service, why in refusals.items())
    told = ", ".join(f"{service} waits for {what}" for service, what in sorted(waits.items()))
    return f"not every service was ready within {within_s:g} s (start_within_s): {told}"


async def _all_ready(fleet: Fleet, waits: dict[str, str]) -> bool:
    await asyncio.gather(*(_until_ready(service, address, waits) for service, address in fleet.probes.items()))
    return True


async def _until_ready(service: str, address: str, waits: dict[str, str]) -> None:
    """Until the service whose probes answer at `address` says that it is ready; meanwhile `waits` has what it waits for."""
    host, _, port = address.rpartition(":")
    while reason := await _unready(host, int(port), waits[service]):
        waits[service] = reason
        await asyncio.sleep(POLL_S)
    del waits[service]


async def _unready(host: str, port: int, before: str) -> str:
    """What it says that it waits for; "" when it is ready; `before` when nobody answers."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        head, _, reason = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")
        writer.close()
    except OSError:
        return before
    return "" if " 200 " in head.partition("\r\n")[0] else reason.strip() or before


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
