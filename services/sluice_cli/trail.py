"""`sluice audit`: who asked the API to change what."""

from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.options import DATA, Data, Format, Output, connected

PAGE = 1000
COLUMNS = ("time", "user", "trace_name", "resource_name", "code", "trace_id")


def audit(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What keys of the project asked to be changed, the newest first."""
    found: list[dict[str, Any]] = []
    before = 0
    with connected(data) as client:
        while len(found) < limit:
            page = client.get(f"/sluice/v1/{client.project}/traces", before=before, limit=min(PAGE, limit - len(found)))
            found += page["traces"]
            before = page["next"]
            if not before:
                break
    if output is Format.TABLE:
        found = [trace | {"time": show.moment(trace["time"]), "user": trace["user"]["name"]} for trace in found]
    show.rows(found, COLUMNS, output)
