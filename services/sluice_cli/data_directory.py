"""The data directory, made and closed to others before anything is written there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice.errors import ConfigurationError


def prepare(data: Path) -> None:
    """For its owner only: functions must not read it. Raises ConfigurationError."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        data.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(f"data directory {data}: {error.strerror}; name another with --data") from None


@contextmanager
def usable(data: Path) -> Iterator[None]:
    """A file below `data` that cannot be read or written is a ConfigurationError that names it, and not a bug."""
    try:
        yield
    except OSError as error:
        path = Path(str(error.filename or "")).absolute()
        if not error.filename or not path.is_relative_to(data.absolute()):
            raise
        raise ConfigurationError(f"{path}: {error.strerror}; it belongs to the data directory, which has to be ours") from None
