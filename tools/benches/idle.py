"""Memory of a Sluice that has nothing to do."""

import compileall
import time
from pathlib import Path

from tools.benches.figure import Row, at_most, figure
from tools.benches.setting import Setting, tree

SETTLE_S = 4.0
SOURCES = Path(__file__).parents[2]


def one_process(setting: Setting) -> Row:
    sizes = [sum(_sizes(setting, mesh=False).values()) for _ in range(setting.runs)]
    note = (
        "Resident memory of the process together with its fork server and the agents it keeps ready; what these share by being forked "
        "counts once."
    )
    return Row("idle", "memory, idle, one process", (figure("resident", "MiB", sizes, at_most(120)),), note)


def mesh(setting: Setting) -> Row:
    runs = [_sizes(setting, mesh=True) for _ in range(setting.runs)]
    names = sorted({name for sizes in runs for name in sizes})
    services = [figure(name, "MiB", [sizes.get(name, 0.0) for sizes in runs], at_most(60)) for name in names]
    return Row("idle-mesh", "memory, idle, each mesh service", tuple(services))


def _sizes(setting: Setting, *, mesh: bool) -> dict[str, float]:
    """Resident memory by service; the fork server belongs to whom it serves."""
    for folder in ("libs", "services"):  # as installed; what was edited since would be compiled by each service, and stay in its memory
        compileall.compile_dir(SOURCES / folder, quiet=1)
    with setting.sluice(mesh=mesh) as sluice:
        time.sleep(SETTLE_S)
        sizes: dict[str, float] = {}
        for name, size in tree(sluice).resident_mib().items():
            service = name_of(name)
            sizes[service] = sizes.get(service, 0.0) + size
        return sizes


def name_of(command: str) -> str:
    """`serve kafka` and `sluice_cli.member kafka` -> kafka; the fork server and its agents; `up` for the command itself. Pure."""
    if "forkserver" in command:
        return "fork server and agents"
    for word in (" serve ", " sluice_cli.member "):
        if word in command:
            return command.partition(word)[2].split()[0]
    return "up"
