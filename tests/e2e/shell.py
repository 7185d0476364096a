"""Commands typed in a folder, as the page of an example shows them."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.driver import SLUICE, Sluice

ANSWERED_WITHIN_S = 60.0

Typed = Callable[[str], str]
"""Types a command, and gives what it printed. One that fails is an AssertionError."""


def shell(sluice: Sluice, folder: Path, more: Mapping[str, str] | None = None) -> Typed:
    """A shell in the folder whose `sluice` and `python` are ours, and whose `sluice` asks this one. `more` are further variables."""
    environment = {**os.environ, "PATH": f"{SLUICE.parent}:{os.environ['PATH']}", "SLUICE_DATA": str(sluice.data), **(more or {})}

    def typed(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=ANSWERED_WITHIN_S, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    return typed


def commands(page: str) -> list[str]:
    """Those that the text of a page shows."""
    return re.findall(r"^\$ (.*)$", page, re.MULTILINE)
