"""What `sluice up` begins: everything in this process, or the mesh. Only what is asked for is imported."""

from pathlib import Path

import typer

from sluice.host.directory_lock import DirectoryLock
from sluice.host.log import set_up
from sluice.host.process import Main, run
from sluice.settings import Settings, load
from sluice_cli.data_directory import prepare, usable

LOCK_FILE = "up.lock"
"""One process at a time brings a data directory up, as one process or as a mesh."""


def start(*, data: Path | None = None, listen: str | None = None, mesh: bool = False, config: Path | None = None) -> None:
    """Settings, logs and the data directory; then everything until somebody stops it."""
    settings = load(config, data=data, listen=listen)
    set_up(settings.log_level)
    prepare(settings.data)
    with usable(settings.data):
        lock = DirectoryLock(settings.data, LOCK_FILE)
        lock.take()
        run(_work(settings, config, mesh))
        lock.release()


def _work(settings: Settings, config: Path | None, mesh: bool) -> Main:
    if mesh:
        from sluice_cli.mesh import run_mesh

        return lambda stop: run_mesh(settings, config, stop, announce)
    from sluice_cli.up import run_all

    return lambda stop: run_all(settings, stop, announce)


def announce(credentials: Path, url: str) -> None:
    """Said once, when requests can arrive."""
    typer.echo(f"Sluice is up at {url}\nkeys are in {credentials}")
