"""Settings of a process: one typed class, from a TOML file and `SLUICE_*` variables; the environment wins.

Unknown keys are refused and all faults come in one message. A changed file needs a restart, except for what a page in docs/ says reloads.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sluice.decoding import decode
from sluice.errors import Fault, Invalid

PREFIX = "SLUICE_"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):([0-9]{1,5})")
_CLIENT = frozenset(
    {"SLUICE_ENDPOINT", "SLUICE_ACCESS_KEY", "SLUICE_SECRET_KEY", "SLUICE_PROJECT", "SLUICE_SECURITY_TOKEN", "SLUICE_CACHE"}
)
"""Variables of the command line and of the tools, not of a service."""


class Secret:
    """A text that does not show itself. It is read where it is needed, by `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one process needs to know. Addresses are HOST:PORT or `unix:/path`; sizes and times carry their unit in the name."""

    data: Path = Path(".sluice")
    listen: str = "127.0.0.1:8090"
    region: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")] = "local-1"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    engine: Literal["process", "docker"] = "process"
    """What starts instances of functions."""
    isolation: Literal["auto", "root", "user", "port"] = "auto"
    """How the process engine keeps them apart."""
    docker: str = "unix:///var/run/docker.sock"
    """Where the daemon of the Docker engine listens: on this machine."""
    docker_pull: Literal["missing", "never"] = "missing"
    """Whether an image that the daemon does not have is fetched from its registry."""
    docker_base_image: str = ""
    """The image in which the Docker engine runs code packages; "": it runs images only."""
    memory_budget_mb: Annotated[int, Meta(ge=0)] = 0
    """Memory that functions may use together; 0: half of the machine."""
    start_within_s: Annotated[float, Meta(gt=0)] = 60.0
    """How long `sluice up --mesh` waits for its services to be ready."""
    control: str = "127.0.0.1:8101"
    control_api: str = "127.0.0.1:8104"
    """Where control serves the API to the gateway."""
    dispatcher: str = "127.0.0.1:8102"
    runner: str = "127.0.0.1:8103"
    doors: str = ""
    """Where the services of kinds that are pushed to listen for the gateway, and for callers of their own rpcs: KIND=HOST:PORT, separated
    by commas."""
    probes: str = ""
    """Where a service of the mesh answers /livez, /readyz and /metrics; "": nowhere."""
    readable_logs: str = "/var/log"
    """Directories whose files triggers may follow, separated by commas: whoever may make a trigger could read them all. "": none."""
    mesh_secret: Secret = Secret()
    """Signs the services' tokens; required when anything listens beyond loopback."""
    metrics_token: Secret = Secret()
    """What /metrics is read with, as `Authorization: Bearer`; "": it is open, on loopback only."""
    signature_window_s: Annotated[int, Meta(ge=10, le=3600)] = 900
    """How far the date of a signed request may be from the gateway's clock, either way."""
    require_nonce: bool = False
    """Whether a signed request must have a signed header X-Sluice-Nonce that was not used before; the SDK sends none."""
    otlp_endpoint: str = ""
    """Where traces go (OTLP over gRPC); "": nowhere."""
    trace_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.01

    def __post_init__(self) -> None:
        faults = []
        found = _ADDRESS.fullmatch(self.listen)
        if found is None or int(found[2]) > 65_535:
            faults.append(Fault("listen", f"is {self.listen[:80]!r}, and is HOST:PORT such as 127.0.0.1:8090"))
        if self.doors and not all(kind and address for kind, address in self.door_addresses.items()):
            faults.append(Fault("doors", f"is {self.doors[:80]!r}, and is KIND=HOST:PORT such as smn=127.0.0.1:8110, separated by commas"))
        if not self.docker.startswith("unix:///"):
            faults.append(Fault("docker", f"is {self.docker[:80]!r}, and is unix:///PATH such as unix:///var/run/docker.sock"))
        if not all(directory.is_absolute() for directory in self.readable_directories):
            faults.append(Fault("readable_logs", f"is {self.readable_logs[:80]!r}, and is absolute directories, separated by commas"))
        if faults:
            raise Invalid(faults)

    @property
    def readable_directories(self) -> tuple[Path, ...]:
        """`readable_logs` one by one."""
        return tuple(Path(directory.strip()) for directory in self.readable_logs.split(",") if directory.strip())

    @property
    def door_addresses(self) -> dict[str, str]:
        """`doors` by kind."""
        pairs = (pair.partition("=") for pair in self.doors.split(",") if pair.strip())
        return {kind.strip(): address.strip() for kind, _, address in pairs}


def load(file: Path | None = None, **given: Any) -> Settings:
    """Settings from `given` (what the command line said), else the environment, else the file, else the defaults. Raises Invalid."""
    said = {name: value for name, value in given.items() if value is not None}
    values = {**_from_file(file), **_from_environment(), **said}
    for name, kind in (("data", Path), ("mesh_secret", Secret), ("metrics_token", Secret)):
        if isinstance(values.get(name), str):
            values[name] = kind(values[name])
    return decode(values, Settings)


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise Invalid([Fault(str(file), f"cannot be read: {error.strerror}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid([Fault(str(file), f"is not TOML: {error}")]) from None


def _from_environment() -> dict[str, Any]:
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    names = (name for name in os.environ if name.startswith(PREFIX) and name not in _CLIENT)
    settings = {name.removeprefix(PREFIX).lower(): os.environ[name] for name in names}
    return {name: _lax(text, types.get(name)) for name, text in settings.items()}


def _lax(text: str, kind: Any) -> Any:
    """A variable is a text; where a number is wanted it is read as one. What does not read stays, and is refused by name later."""
    if kind in (None, Path, Secret):
        return text
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        return text
