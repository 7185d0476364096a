"""What a container is made as, for one instance; pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from sluice.engine import Start, StartFailed
from sluice.function import Function
from sluice.runtimes import BOOTSTRAP, CUSTOM, HANDLED
from sluice_runner.environment import FUNCTION_PORT, cpu
from sluice_runner.forkserver.sandbox import CODE_FOLDER, FUNCTION_USER
from sluice_runner.leftovers import MARK

DATA_LABEL = "sluice.data"
_PORT = f"{FUNCTION_PORT}/tcp"
_PROCESSES = 1024
_FILES = 2048
_MIB = 1 << 20
_NANO = 1_000_000
"""Docker counts processors in thousand-millionths, FunctionGraph in thousandths."""


class Surroundings(NamedTuple):
    """What all containers of an engine have in common. `identity` is that of the data directory; `published`: their port is published on
    loopback, because their own addresses are not reached from here."""

    identity: str
    base_image: str
    network: str
    published: bool
    processors: int = 1
    limits_processes: bool = True


def name_of(order: Start, surroundings: Surroundings) -> str:
    """For people who look at `docker ps`."""
    return f"sluice-{surroundings.identity}-{re.sub('[^A-Za-z0-9_.-]', '-', order.name)}"


def image_of(order: Start, surroundings: Surroundings) -> str:
    """The image to start. Raises StartFailed for what cannot run in one."""
    if order.code is None:
        return order.function.image
    if order.function.runtime in HANDLED or order.function.runtime == CUSTOM:
        raise StartFailed(
            f"the Docker engine runs images and packages with a {BOOTSTRAP} that listens, not the runtime {order.function.runtime}"
        )
    if not surroundings.base_image:
        raise StartFailed("the Docker engine runs code packages in an image, and the setting docker_base_image names none")
    if not (order.code / BOOTSTRAP).exists():
        raise StartFailed(f"the code has no {BOOTSTRAP}")
    return surroundings.base_image


def configuration(order: Start, surroundings: Surroundings) -> dict[str, Any]:
    """The body of Docker's `POST /containers/create`. Raises StartFailed for what cannot run in a container."""
    environment = {
        **order.environment,
        "RUNTIME_CODE_ROOT": CODE_FOLDER,
        MARK: f"{surroundings.identity}/{order.name}",
    }
    return {
        "Image": image_of(order, surroundings),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "User": f"{_user(order)[0]}:{_user(order)[1]}",
        "Labels": {DATA_LABEL: surroundings.identity, "sluice.instance": order.name, "sluice.function": order.function.urn},
        "StopSignal": "SIGTERM",
        "HostConfig": _host(order, surroundings),
        **(_of_package() if order.code else _of_image(order.function)),
        **({"ExposedPorts": {_PORT: {}}} if surroundings.published else {}),
    }


def _user(order: Start) -> tuple[int, int]:
    function = order.function
    return function.uid or FUNCTION_USER, function.gid or FUNCTION_USER


def _of_package() -> dict[str, Any]:
    return {"Entrypoint": [f"./{BOOTSTRAP}"], "Cmd": [], "WorkingDir": CODE_FOLDER}


def _of_image(function: Function) -> dict[str, Any]:
    """What is not given stays the image's; but a command of one's own does not get the image's arguments, which is Docker's rule too."""
    return {
        **({"Entrypoint": list(function.image_command)} if function.image_command else {}),
        **({"Cmd": list(function.image_args)} if function.image_args else {}),
        **({"WorkingDir": function.image_folder} if function.image_folder else {}),
    }


def _tmp(order: Start) -> str:
    """With an owner, because the mode of the image's own folder goes before."""
    uid, gid = _user(order)
    return f"rw,exec,nosuid,nodev,size=512m,mode=1777,uid={uid},gid={gid}"


def _host(order: Start, surroundings: Surroundings) -> dict[str, Any]:
    memory = order.function.memory_mb * _MIB
    return {
        "NetworkMode": surroundings.network,
        "PortBindings": {_PORT: [{"HostIp": "127.0.0.1", "HostPort": ""}]} if surroundings.published else {},
        "Mounts": [{"Type": "bind", "Source": str(order.code), "Target": CODE_FOLDER, "ReadOnly": True}] if order.code else [],
        "Memory": memory,
        "MemorySwap": memory,  # together: so that there is no swap
        "NanoCpus": min(cpu(order.function.memory_mb) * _NANO, surroundings.processors * 1000 * _NANO),
        **({"PidsLimit": _PROCESSES} if surroundings.limits_processes else {}),
        "Ulimits": [_limit("nofile", _FILES), _limit("core", 0)],
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": _tmp(order)},  # noqa: S108 - the function's own
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,  # reaps what a function leaves, and passes SIGTERM on
        "LogConfig": {"Type": "none", "Config": {}},  # what it prints is kept once, in Sluice's logs
    }


def _limit(name: str, value: int) -> Mapping[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}
