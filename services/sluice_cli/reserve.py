"""Reserved instances: so many of a version or alias that are always there."""

from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import path
from sluice_cli.options import DATA, Data, Format, Output, connected

app = typer.Typer(no_args_is_help=True, help="Reserved instances: started before the first call, and kept.")


@app.command("list")
def list_(
    name: Annotated[str, typer.Argument(help="Of this function only, by name or any form of its URN.")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What is kept: by number, by schedule, by use."""
    with connected(data) as client:
        found = client.get(f"/v2/{client.project}/fgs/functions/reservedinstanceconfigs", function_urn=name)["reserved_instances"]
    show.rows([one | _tactics(one) for one in found] if output is Format.TABLE else found, ("function_urn", "min_count", "tactics"), output)


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="A function's name, or any form of its URN; its version or !alias keeps the instances.")],
    count: Annotated[int, typer.Argument(min=0, help="How many are kept at least.")],
    data: Data = DATA,
) -> None:
    """Keep so many instances, whatever the clock says; 0 keeps none. Schedules and use are set through the API."""
    with connected(data) as client:
        client.put(path(f"/v2/{client.project}/fgs", "functions", name, "reservedinstances"), {"count": count})
    show.line(f"{name} keeps {show.count(count, 'instance')}")


def _tactics(one: dict[str, Any]) -> dict[str, str]:
    tactics = one["tactics_config"]
    crons = [f"{each['count']} at {each['cron']}" for each in tactics["cron_configs"]]
    uses = [f"{each['min']} and more over {each['threshold']} %" for each in tactics["metric_configs"]]
    return {"tactics": "; ".join([*crons, *uses])}
