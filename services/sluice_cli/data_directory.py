"""The data directory, made and closed to others before anything is written there."""

from pathlib import Path

from sluice.errors import ConfigurationError


def prepare(data: Path) -> None:
    """For its owner only: functions must not read it. Raises ConfigurationError."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        data.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(f"data directory {data}: {error.strerror}; name another with --data") from None
