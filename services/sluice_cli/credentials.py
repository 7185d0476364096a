"""Where the API is and with which key to sign: from the environment, or from the file that `sluice up` writes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sluice.errors import ConfigurationError

FILE = "credentials.json"
VARIABLES = ("SLUICE_ENDPOINT", "SLUICE_ACCESS_KEY", "SLUICE_SECRET_KEY", "SLUICE_PROJECT")


class Credentials(msgspec.Struct, frozen=True):
    """`endpoint` is a URL without a path."""

    endpoint: str
    access_key: str
    secret_key: str
    project_id: str


def find(data: Path, environment: Mapping[str, str]) -> Credentials:
    """From SLUICE_* variables if all four are set, else from DATA/credentials.json with those that are set in place of its values."""
    given = [environment.get(name, "") for name in VARIABLES]
    if all(given):
        return Credentials(*given)
    kept = _read(data / FILE)
    return Credentials(*(mine or theirs for mine, theirs in zip(given, msgspec.structs.astuple(kept), strict=True)))


def _read(file: Path) -> Credentials:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file} does not exist. Start Sluice with `sluice up`, name its data directory with --data, or set {', '.join(VARIABLES)}."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{file} is damaged: {error}. `sluice up` writes it anew if you remove it.") from None
