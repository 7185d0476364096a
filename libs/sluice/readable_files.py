"""Files that triggers may read: which they are is said by who operates the machine, not by who makes triggers."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sluice.errors import SourceLost, SourceRefused


class ReadableFiles:
    """The regular files below some directories. What a link leads to must lie there as well."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)

    def open(self, path: Path) -> int:
        """A descriptor of the file, to read. Raises FileNotFoundError while there is none, SourceRefused for one that may not be read,
        SourceLost if the machine fails at it."""
        real = Path(os.path.realpath(path))
        self._check(path, real)
        try:
            # without O_NONBLOCK a named pipe would hold us until somebody writes
            opened = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise SourceRefused(f"{path} cannot be read: {error.strerror}") from error
        except OSError as error:
            raise SourceLost(f"{path} cannot be read: {error.strerror}") from error
        try:
            self._check_opened(path, opened)
        except BaseException:
            os.close(opened)
            raise
        return opened

    def _check_opened(self, path: Path, opened: int) -> None:
        """What was opened, for a directory on the way may have been exchanged meanwhile."""
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise SourceRefused(f"{path} is not a regular file")
        shown = Path(f"/proc/self/fd/{opened}")
        if shown.is_symlink():
            self._check(path, shown.readlink())

    def _check(self, path: Path, real: Path) -> None:
        if not any(real.is_relative_to(os.path.realpath(directory)) for directory in self._directories):
            raise SourceRefused(f"{path} is in none of the directories that the setting readable_logs of this process names")
