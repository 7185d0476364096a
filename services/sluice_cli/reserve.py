"""Reserved instances: so many of a version or alias that are always there."""

import json
from typing import Annotated, Any

import typer

from sluice_cli import completion, show
from sluice_cli.client import path
from sluice_cli.options import DATA, Data, Format, Output, connected
from sluice_cli.text import read_json

MOST = 500

app = typer.Typer(no_args_is_help=True, help="Reserved instances: started before the first call, and kept.")


@app.command("list")
def list_(
    name: Annotated[
        str, typer.Argument(help="Of this function only, by name or any form of its URN.", autocompletion=completion.functions)
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="How many are kept at this moment, by number and schedule.")] = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What is kept: by number, by schedule, by use."""
    with connected(data) as client:
        functions = f"/v2/{client.project}/fgs/functions"
        if now:
            show.rows(
                client.get(f"{functions}/reservedinstances", urn=name, limit=MOST)["reservedinstances"], ("func_urn", "count"), output
            )
            return
        found = client.get(f"{functions}/reservedinstanceconfigs", function_urn=name, limit=MOST)["reserved_instances"]
    show.rows([one | _tactics(one) for one in found] if output is Format.TABLE else found, ("function_urn", "min_count", "tactics"), output)


@app.command("set")
def set_(
    name: Annotated[
        str,
        typer.Argument(
            help="A function's name, or any form of its URN; its version or !alias keeps the instances.",
            autocompletion=completion.functions,
        ),
    ],
    count: Annotated[int, typer.Argument(min=0, help="How many are kept at least.")],
    tactics: Annotated[
        str, typer.Option("--tactics", help='When and by which use more are kept: {"cron_configs": …, "metric_configs": …}, @FILE, or -.')
    ] = "",
    data: Data = DATA,
) -> None:
    """Keep so many instances, whatever the clock says; 0 keeps none. Tactics that are not said are taken away."""
    body: dict[str, Any] = {"count": count, **({"tactics_config": json.loads(read_json(tactics))} if tactics else {})}
    with connected(data) as client:
        client.put(path(f"/v2/{client.project}/fgs", "functions", name, "reservedinstances"), body)
    show.line(f"{name} keeps {show.count(count, 'instance')}")


def _tactics(one: dict[str, Any]) -> dict[str, str]:
    tactics = one["tactics_config"]
    crons = [f"{each['count']} at {each['cron']}" for each in tactics["cron_configs"]]
    uses = [f"{each['min']} and more over {each['threshold']} %" for each in tactics["metric_configs"]]
    return {"tactics": "; ".join([*crons, *uses])}
