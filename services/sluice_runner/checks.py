"""What `sluice doctor` says of the runner."""

from sluice.engine import Isolation
from sluice.runtimes import BOOTSTRAP
from sluice.status import Check
from sluice_runner.programs import languages


def checks(isolation: Isolation) -> list[Check]:
    """How instances are started, and whether they are kept away from the data."""
    way_out = "" if isolation.way_out else ", no way out of its network"
    return [
        Check("engine", True, f"{isolation.engine}: {isolation.mode}; memory limit by {isolation.memory_limit}{way_out}"),
        Check("runtimes", True, _runtimes(isolation)),
        Check("data hidden from functions", isolation.data_hidden, "; ".join(isolation.notes)),
    ]


def _runtimes(isolation: Isolation) -> str:
    if isolation.engine == "docker":
        return f"images, and packages with a {BOOTSTRAP}"
    return "; ".join(f"{language}: {path or 'not on this machine'}" for language, path in languages().items())
