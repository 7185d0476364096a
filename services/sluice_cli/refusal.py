"""Why a process did not start, from a service of the mesh to whoever started it: an exit code, and one line on its standard output."""

import os

from sluice.errors import AlreadyRunning, ConfigurationError, SluiceError

FAILED = 1
REFUSED = os.EX_CONFIG
"""Starting it again is useless until somebody has changed something."""
HELD = os.EX_TEMPFAIL
"""Another process is in the way. It may be about to end."""


def exit_code(error: SluiceError) -> int:
    match error:
        case AlreadyRunning():
            return HELD
        case ConfigurationError():
            return REFUSED
    return FAILED


def told_by(group: BaseExceptionGroup[BaseException]) -> list[SluiceError]:
    """Our own errors in a group. Raises the group if anything else is in it: that is a bug, and its traceback is needed."""
    if group.split(SluiceError)[1] is not None:
        raise group
    told: list[SluiceError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            told += told_by(error)
        elif isinstance(error, SluiceError):
            told.append(error)
    return told
