"""What `sluice doctor` says of the runner."""

from sluice.engine import Isolation
from sluice.status import Check
from sluice_runner.programs import languages


def checks(isolation: Isolation) -> list[Check]:
    """How instances are started, and whether they are kept away from the data."""
    way_out = "" if isolation.way_out else ", no way out of its network"
    return [
        Check("engine", True, f"{isolation.engine}: {isolation.mode}; memory limit by {isolation.memory_limit}{way_out}"),
        Check("runtimes", True, "; ".join(f"{language}: {path or 'not on this machine'}" for language, path in languages().items())),
        Check("data hidden from functions", isolation.data_hidden, "; ".join(isolation.notes)),
    ]
