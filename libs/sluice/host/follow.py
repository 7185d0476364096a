"""Keeps a service's snapshot equal to control's catalog, over lost connections, and on disk so that it starts without control."""

import asyncio
import os
from pathlib import Path

import msgspec
import structlog

from sluice.binding import Binding
from sluice.catalog import Catalog, Change, Snapshot
from sluice.errors import Unavailable
from sluice.function import Alias, Function
from sluice.reservation import Reservation

AGAIN_S = 1.0
SAVE_AFTER_S = 0.5

log = structlog.get_logger()


class Saved(msgspec.Struct):
    """The file: what a service needs of the catalog to start without control. Keys and secrets are in it: mode 0600."""

    generation: int
    bindings: list[Binding]
    functions: list[Function]
    aliases: list[Alias]
    reservations: list[Reservation] = []


async def follow(catalog: Catalog, service: str, kinds: frozenset[str], snapshot: Snapshot, file: Path | None = None) -> None:
    """Apply every change until cancelled; after a lost connection, what is no longer there is removed."""
    if file is not None:
        restore(file, snapshot)
    saver = _Saver(file, snapshot)
    while True:
        try:
            await _follow_once(catalog, service, kinds, snapshot, saver)
        except Unavailable as lost:
            log.warning("catalog lost", service=service, reason=str(lost))
            await asyncio.sleep(max(AGAIN_S, lost.retry_after_s))


async def _follow_once(catalog: Catalog, service: str, kinds: frozenset[str], snapshot: Snapshot, saver: "_Saver") -> None:
    stale = _names(snapshot)
    whole = False
    async for change in catalog.watch(service, kinds):
        if not whole:
            stale.discard(_name(change))
        if change.synced and not whole:
            whole = True
            for name in stale:
                snapshot.apply(Change(change.generation, removed=name))
            snapshot.remembered = False
        snapshot.apply(change)
        if whole:
            saver.changed()
            await catalog.report(service, change.generation, [])


class _Saver:
    """Writes the file a moment after a change, once for all changes of that moment: with many functions it is large."""

    def __init__(self, file: Path | None, snapshot: Snapshot) -> None:
        self._file = file
        self._snapshot = snapshot
        self._due = False

    def changed(self) -> None:
        if self._file is not None and not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(SAVE_AFTER_S, self._save, self._file)

    def _save(self, file: Path) -> None:
        self._due = False
        save(file, self._snapshot)


def _names(snapshot: Snapshot) -> set[str]:
    return {
        *(f"binding:{name}" for name in snapshot.bindings),
        *(f"function:{name}" for name in snapshot.functions),
        *(f"alias:{name}" for name in snapshot.aliases),
        *(f"key:{name}" for name in snapshot.keys),
        *(f"reservation:{name}" for name in snapshot.reservations),
    }


def _name(change: Change) -> str:
    if change.binding:
        return f"binding:{change.binding.trigger}"
    if change.function:
        return f"function:{change.function.urn}"
    if change.alias:
        return f"alias:{change.alias.urn}"
    if change.reservation:
        return f"reservation:{change.reservation.urn}"
    return f"key:{change.key.access_key}" if change.key else ""


def save(file: Path, snapshot: Snapshot) -> None:
    """Replace the file as one step, readable for its owner only."""
    saved = Saved(
        snapshot.generation,
        list(snapshot.bindings.values()),
        list(snapshot.functions.values()),
        list(snapshot.aliases.values()),
        list(snapshot.reservations.values()),
    )
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(msgspec.msgpack.encode(saved))
    new.replace(file)


def restore(file: Path, snapshot: Snapshot) -> None:
    """Take in what was saved. A file that cannot be read is as good as none: control will send everything."""
    try:
        saved = msgspec.msgpack.decode(file.read_bytes(), type=Saved)
    except (OSError, msgspec.DecodeError) as error:
        log.info("no saved catalog", file=str(file), reason=str(error))
        return
    for binding in saved.bindings:
        snapshot.apply(Change(saved.generation, binding=binding))
    for function in saved.functions:
        snapshot.apply(Change(saved.generation, function=function))
    for alias in saved.aliases:
        snapshot.apply(Change(saved.generation, alias=alias))
    for reservation in saved.reservations:
        snapshot.apply(Change(saved.generation, reservation=reservation))
    snapshot.remembered = True
    snapshot.apply(Change(saved.generation))
