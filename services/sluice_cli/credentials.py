"""Where the API is and with which key to sign: from the environment, or from the file that `sluice up` writes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sluice.errors import ConfigurationError

FILE = "credentials.json"
VARIABLES = ("SLUICE_ENDPOINT", "SLUICE_ACCESS_KEY", "SLUICE_SECRET_KEY", "SLUICE_PROJECT")
SECURITY_TOKEN = "SLUICE_SECURITY_TOKEN"


class Credentials(msgspec.Struct, frozen=True):
    """`endpoint` is a URL without a path."""

    endpoint: str
    access_key: str
    secret_key: str
    project_id: str
    security_token: str = ""
    """Of a temporary key."""


def find(data: Path, environment: Mapping[str, str]) -> Credentials:
    """From SLUICE_* variables if all four are set, else from DATA/credentials.json with those that are set in place of its values. A
    temporary key has its SLUICE_SECURITY_TOKEN beside it, wherever it comes from."""
    given = [environment.get(name, "") for name in (*VARIABLES, SECURITY_TOKEN)]
    if all(given[: len(VARIABLES)]):
        return Credentials(*given)
    said = {name: value for name, value in zip(Credentials.__struct_fields__, given, strict=True) if value}
    return msgspec.structs.replace(_read(data / FILE), **said)


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
