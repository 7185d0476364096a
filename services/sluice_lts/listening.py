"""What a trigger listens on: an address has one process at a time, and its certificates may change."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from sluice.errors import SourceLost, SourceRefused
from sluice.trigger import Intake

LOOK_S = 10.0
"""How often is looked whether a file of TLS has changed."""
AGAIN_S = 5.0


@asynccontextmanager
async def address_of(intake: Intake, field: str, address: str) -> AsyncIterator[None]:
    """Waits until no other process of the service listens there, and gives the address back at the end."""
    claim = await intake.claim(f"{field} {address}")
    try:
        yield
    finally:
        intake.release(claim)


def cannot_listen(field: str, address: str, error: OSError) -> NoReturn:
    """Somebody else may go from there; an address that this machine does not have, or may not use, has to be changed."""
    if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL) or error.errno is None or error.errno < 0:
        raise SourceRefused(f"{field}: nothing can listen on {address}: {error.strerror}") from error
    raise SourceLost(f"{field}: nothing can listen on {address} now: {error.strerror}", AGAIN_S) from error


async def changed(*texts: str) -> None:
    """Returns when one of the files among these settings (each a path or PEM text) is another one than before."""
    before = _versions(texts)
    while True:
        await asyncio.sleep(LOOK_S)
        if _versions(texts) != before:
            return


def _versions(texts: tuple[str, ...]) -> list[tuple[int, int] | None]:
    return [_version(text) for text in texts if text and "-----BEGIN" not in text]


def _version(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
