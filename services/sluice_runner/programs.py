"""What is executed for a function: its own server, or an interpreter that is given the platform's server on its standard input.

So nothing of the platform has to lie where functions can read it, and the server is the same in whatever surrounds an instance.
"""

import functools
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sluice.engine import StartFailed
from sluice.function import Function
from sluice.runtimes import BOOTSTRAP, CUSTOM, HANDLED, PYTHON, Runtime
from sluice_runner.environment import PATH

_SERVERS = Path(__file__).with_name("runtimes")
_NEWEST_PYTHON = 19
"""The highest minor version that is looked for."""
_OWN = Runtime(PYTHON, (3, 8))
"""What the servers in Python run in where the function asks for no version."""
_MODULES = "sluice_runner.runtimes"
_LOADER = """\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import types
for name, source in {sources!r}.items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""
"""What Python reads: modules, each under its own name, the last of which is the server. None of the function's files stands in for a module
of the library that the server needs."""


class Program(NamedTuple):
    """`arguments` of an exec, the first of them a path; `given` is what it reads from its standard input."""

    arguments: list[str]
    given: str = ""


def program(function: Function) -> Program:
    """Raises StartFailed if what the runtime needs is not on this machine."""
    if function.runtime == CUSTOM:
        return _asking()
    runtime = HANDLED.get(function.runtime)
    return _served(runtime) if runtime else Program([f"./{BOOTSTRAP}"])


def interpreter(runtime: Runtime) -> str:
    """The path of what runs it here: its own version, else the nearest newer one, else what there is. Raises StartFailed."""
    names = list(_interpreters(runtime))
    found = next((path for name in names if (path := shutil.which(name, path=PATH))), None)
    if found is None:
        raise StartFailed(f"there is no {runtime.language.name} on this machine: none of {names[0]} to {names[-1]} is in {PATH}")
    return found


def languages() -> dict[str, str]:
    """By language, the path of what runs its newest runtime here; "" where there is none."""
    found = dict.fromkeys((runtime.language.name for runtime in HANDLED.values()), "")
    for runtime in HANDLED.values():
        with suppress(StartFailed):
            found[runtime.language.name] = interpreter(runtime)
    return found


def _interpreters(runtime: Runtime) -> Iterator[str]:
    major, minor = runtime.version
    if runtime.language is PYTHON:
        yield from (f"python{major}.{number}" for number in range(minor, _NEWEST_PYTHON + 1))
        yield f"python{major}"
    else:
        yield from (f"node{major}", "node", "nodejs")


@functools.cache
def _served(runtime: Runtime) -> Program:
    """Kept once it was found; what was not found is looked for again at the next start."""
    given = _python("python_server") if runtime.language is PYTHON else (_SERVERS / "node_server.js").read_text()
    return Program([interpreter(runtime), "-"], given)


@functools.cache
def _asking() -> Program:
    return Program([interpreter(_OWN), "-"], _python("custom_server"))


def _python(server: str) -> str:
    sources = {f"{_MODULES}.{name}": (_SERVERS / f"{name}.py").read_text() for name in ("serving", server)}
    return _LOADER.format(sources=sources)
