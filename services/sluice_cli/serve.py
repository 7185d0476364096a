"""`sluice serve SERVICE`: one service of the mesh in this process. Only that service is imported."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any

from sluice.errors import ConfigurationError
from sluice.host.log import set_up
from sluice.host.process import run
from sluice.settings import Settings, load
from sluice_cli.data_directory import prepare, usable

CORE = ("control", "gateway", "dispatcher", "runner")
KEEPING = frozenset({"control", "dispatcher", "runner"})
"""Those that keep something in the data directory."""

Serve = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]


def serve(service: str, *, data: Path | None = None, listen: str | None = None, config: Path | None = None) -> None:
    """Run one service until it is told to stop. Raises ConfigurationError for a name that is no service, or whose extra is missing."""
    settings = load(config, data=data, listen=listen)
    set_up(settings.log_level, service=service)
    work = find(service)
    if service in KEEPING:
        prepare(settings.data)
    with usable(settings.data):
        run(lambda stop: work(settings, stop))


def find(service: str) -> Serve:
    """The service of that name: one of the four core services, or an installed kind."""
    if service in CORE:
        return _core(service)
    return _kind(service)


def _kind(service: str) -> Serve:
    # what a core service does not use it should not carry
    from importlib.metadata import entry_points

    from sluice.host.kind_service import serve as serve_kind
    from sluice.host.kinds import GROUP

    for entry in entry_points(group=GROUP):
        if entry.name == service:
            kind = _load(service, entry.load)
            return lambda settings, stop: serve_kind(kind, settings, stop)
    kinds = sorted(entry.name for entry in entry_points(group=GROUP) if entry.name not in CORE)
    raise ConfigurationError(f"there is no service {service!r}; there are {', '.join((*CORE, *kinds))}")


def _core(service: str) -> Serve:
    module = _load(service, lambda: import_module(f"sluice_{service}.mesh"))
    found: Serve = module.serve
    return found


def _load(service: str, load_it: Callable[[], Any]) -> Any:
    try:
        return load_it()
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the {service} service needs {missing.name}: pip install "sluice[{service}]"') from missing
