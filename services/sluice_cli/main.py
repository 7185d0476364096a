"""The `sluice` command. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody answers.

What only some commands need is imported by them: a command that asks one thing should not wait for the services' imports.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sluice.errors import Invalid, SluiceError
from sluice_cli import (
    aliases,
    asynchronous,
    dead,
    events,
    files,
    functions,
    invocations,
    keys,
    listing,
    projects,
    reserve,
    running,
    show,
    statistics,
    tags,
    token,
    trail,
    triggers,
)
from sluice_cli.client import Refused, Unreachable
from sluice_cli.hints import hint
from sluice_cli.options import DATA, Data, Format, Output, connected
from sluice_cli.refusal import told_by

if TYPE_CHECKING:
    from sluice_cli.manifest import Read

REFUSED, USAGE, UNREACHABLE, STOPPED = 1, 2, 3, 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Message sources to container functions, with FunctionGraph's semantics.",
)

File = Annotated[Path, typer.Option("-f", "--file", help="A sluice.yaml.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings as TOML; SLUICE_* variables win over it.")]


@app.command()
def up(
    data: Annotated[Path | None, typer.Option("--data", help="Data directory (default: .sluice).")] = None,
    listen: Annotated[str | None, typer.Option("--listen", help="HOST:PORT of API and triggers (default: 127.0.0.1:8090).")] = None,
    mesh: Annotated[bool, typer.Option("--mesh", help="As processes connected by gRPC.")] = False,
    config: Config = None,
) -> None:
    """Run everything on this machine until stopped."""
    from sluice_cli.start import start

    start(data=data, listen=listen, mesh=mesh, config=config)


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help="control, gateway, dispatcher, runner, or a kind such as kafka or timer.")],
    data: Annotated[Path | None, typer.Option("--data", help="Data directory (default: .sluice).")] = None,
    listen: Annotated[str | None, typer.Option("--listen", help="HOST:PORT of API and triggers, for the gateway.")] = None,
    config: Config = None,
) -> None:
    """Run one service of the mesh until stopped."""
    from sluice_cli.serve import serve as run_service

    run_service(service, data=data, listen=listen, config=config)


@app.command()
def apply(
    file: File = Path("sluice.yaml"),
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Create and update the functions and triggers of a file; nothing is deleted, and applying again changes nothing."""
    from sluice_cli.apply import apply as apply_manifest
    from sluice_cli.done import Done

    read = _checked(file)
    done: list[Done] = []

    def tell(one: Done) -> None:
        done.append(one)
        if output is Format.TABLE:
            show.line(f"{one.what:<8} {one.name:<32} {one.how:<10} {one.detail}".rstrip())

    with connected(data) as client:
        apply_manifest(client, read, tell)
    if output is not Format.TABLE:
        show.document([one._asdict() for one in done], output)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A sluice.yaml.")] = Path("sluice.yaml")) -> None:
    """Say everything that is wrong with a file, without asking or changing anything."""
    from sluice_cli.check import warnings

    read = _checked(file)
    triggers = sum(len(function.triggers) for function in read.manifest.functions.values())
    show.line(f"{file} is right: {show.count(len(read.manifest.functions), 'function')}, {show.count(triggers, 'trigger')}")
    for warning in warnings(read.manifest):
        show.note(f"sluice: warning: {warning}")


@app.command()
def schema() -> None:
    """The JSON schema of a sluice.yaml, for editors."""
    from sluice_cli.schema_document import document

    show.document(document(), Format.JSON)


def _checked(file: Path) -> "Read":
    from sluice.host.log import set_up
    from sluice_cli.check import checked

    set_up("warning")
    return checked(file)


@app.command(name="version")
def show_version() -> None:
    """The version of Sluice."""
    from importlib.metadata import version

    show.line(version("sluice"))


for command in (listing.get, listing.describe, listing.delete, running.invoke, running.logs, running.tail, running.explain, running.doctor):
    app.command()(command)
app.command()(invocations.invocations)
app.command()(invocations.cancel)
app.command()(statistics.stats)
app.command()(token.token)
app.command()(trail.audit)
app.add_typer(functions.app, name="function")
app.add_typer(aliases.app, name="alias")
app.add_typer(asynchronous.app, name="async")
app.add_typer(triggers.app, name="trigger")
app.command()(files.export)
app.command("import")(files.import_)
app.add_typer(events.app, name="events")
app.add_typer(reserve.app, name="reserve")
app.add_typer(tags.app, name="tags")
app.add_typer(dead.app, name="dead")
app.add_typer(keys.app, name="keys")
app.add_typer(projects.app, name="projects")


def main() -> NoReturn:
    """The entry point."""
    raise SystemExit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; None: that of this process."""
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="sluice")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else REFUSED
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        return REFUSED
    except Unreachable as unreachable:
        return _ended(UNREACHABLE, [str(unreachable)])
    except Refused as refused:
        more = hint(refused.status, refused.code, str(refused))
        return _ended(REFUSED, [str(refused), *([f"what to do: {more}"] if more else [])])
    except Invalid as invalid:
        return _ended(REFUSED, [str(fault) for fault in invalid.faults])
    except SluiceError as error:
        return _ended(REFUSED, [str(error)])
    except BaseExceptionGroup as group:
        return _ended(REFUSED, [str(error) for error in told_by(group)])
    return 0


def _ended(code: int, lines: Sequence[str]) -> int:
    for line in lines:
        show.note(f"sluice: {line}")
    return code


if __name__ == "__main__":
    main()
