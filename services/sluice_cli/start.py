"""What `sluice up` begins: everything in this process, or the mesh. Only what is asked for is imported."""

from pathlib import Path

import typer

from sluice.host.log import set_up
from sluice.host.process import run
from sluice.settings import load
from sluice_cli.data_directory import prepare


def start(*, data: Path | None = None, listen: str | None = None, mesh: bool = False, config: Path | None = None) -> None:
    """Settings, logs and the data directory; then everything until somebody stops it."""
    settings = load(config, data=data, listen=listen)
    set_up(settings.log_level)
    prepare(settings.data)
    if mesh:
        from sluice_cli.mesh import run_mesh

        run(lambda stop: run_mesh(settings, config, stop, announce))
    else:
        from sluice_cli.up import run_all

        run(lambda stop: run_all(settings, stop, announce))


def announce(credentials: Path, url: str) -> None:
    """Said once, when requests can arrive."""
    typer.echo(f"Sluice is up at {url}\nkeys are in {credentials}")
