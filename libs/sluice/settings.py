"""Settings of a process: one typed class, from a TOML file and `SLUICE_*` variables; the environment wins.

Unknown keys are refused and all faults come in one message. A changed file needs a restart, except for what a page in docs/ says reloads.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from sluice.errors import Fault, Invalid

PREFIX = "SLUICE_"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):([0-9]{1,5})")
_CLIENT = frozenset({"SLUICE_ENDPOINT", "SLUICE_ACCESS_KEY", "SLUICE_SECRET_KEY", "SLUICE_PROJECT", "SLUICE_CACHE"})
"""Variables of the command line and of the tools, not of a service."""


class Settings(BaseModel):
    """What one process needs to know. Addresses are HOST:PORT or `unix:/path`; sizes and times carry their unit in the name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Path(".sluice")
    listen: str = "127.0.0.1:8090"
    region: str = Field("local-1", pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")
    log_level: str = Field("info", pattern=r"^(debug|info|warning|error)$")
    isolation: str = Field("auto", pattern=r"^(auto|root|user|port)$")
    memory_budget_mb: int = Field(0, ge=0)
    """Memory that functions may use together; 0: half of the machine."""
    control: str = "127.0.0.1:8101"
    control_api: str = "127.0.0.1:8104"
    """Where control serves the API to the gateway."""
    dispatcher: str = "127.0.0.1:8102"
    runner: str = "127.0.0.1:8103"
    probes: str = ""
    """Where a service of the mesh answers /livez, /readyz and /metrics; "": nowhere."""
    mesh_secret: SecretStr = SecretStr("")
    """Signs the services' tokens; required when anything listens beyond loopback."""
    otlp_endpoint: str = ""
    """Where traces go (OTLP over gRPC); "": nowhere."""
    trace_ratio: float = Field(0.01, ge=0, le=1)

    @field_validator("listen")
    @classmethod
    def _is_address(cls, listen: str) -> str:
        found = _ADDRESS.fullmatch(listen)
        if found is None or int(found[2]) > 65_535:
            raise ValueError(f"is {listen[:80]!r}, and is HOST:PORT such as 127.0.0.1:8090")
        return listen


def load(file: Path | None = None, **given: Any) -> Settings:
    """Settings from `given` (what the command line said), else the environment, else the file, else the defaults. Raises Invalid."""
    values = {**_from_file(file), **_from_environment(), **{name: value for name, value in given.items() if value is not None}}
    try:
        return Settings(**values)
    except ValidationError as error:
        raise Invalid([_fault(item["loc"], item["type"], item["msg"]) for item in error.errors()]) from None


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise Invalid([Fault(str(file), f"cannot be read: {error.strerror}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid([Fault(str(file), f"is not TOML: {error}")]) from None


def _from_environment() -> dict[str, str]:
    names = (name for name in os.environ if name.startswith(PREFIX) and name not in _CLIENT)
    return {name.removeprefix(PREFIX).lower(): os.environ[name] for name in names}


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> Fault:
    field = ".".join(map(str, location))
    if kind == "extra_forbidden":
        return Fault(field, f"is not a setting; there are {', '.join(sorted(Settings.model_fields))}")
    rule = message.removeprefix("Value error, ")
    return Fault(field, rule[:1].lower() + rule[1:])
