"""The runtimes of functions: their names in FunctionGraph, and what each asks of a code package; pure.

A container and an HTTP function bring a server of their own, and `Custom` a program that asks for its calls. Of the others the package has
a file with a handler, and the server is the platform's.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sluice.errors import Fault

CONTAINER = "Custom Image"
HTTP = "http"
CUSTOM = "Custom"
"""A `bootstrap` that asks for its calls."""
BOOTSTRAP = "bootstrap"
"""The executable with which a package that is a server begins."""
NO_HANDLER = "-"
"""The handler of a function that is a server."""


class Language(NamedTuple):
    """What handlers are written in. `suffixes` are those of its files."""

    name: str
    suffixes: tuple[str, ...]


PYTHON = Language("Python", (".py",))
NODE = Language("Node.js", (".js", ".cjs", ".mjs"))


class Runtime(NamedTuple):
    """A language in one of its versions."""

    language: Language
    version: tuple[int, int]


_VERSIONS = {PYTHON: ("3.6", "3.9", "3.10", "3.12"), NODE: ("6.10", "8.10", "10.16", "12.13", "14.18", "16.17", "18.15", "20.15")}


def _parsed(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


HANDLED = {
    f"{language.name}{version}": Runtime(language, _parsed(version)) for language, versions in _VERSIONS.items() for version in versions
}
"""By name, the runtimes whose server is the platform's."""
NAMES = (CONTAINER, HTTP, CUSTOM, *HANDLED)


class Handler(NamedTuple):
    """`file` is a path in the package without its suffix."""

    file: str
    function: str


def parse_handler(text: str) -> Handler:
    """Of `file.function`; the file may lie in a folder: `src/orders.created`."""
    file, _, function = text.rpartition(".")
    return Handler(file, function)


def handler_faults(field: str, runtime: str, handler: str) -> Iterator[Fault]:
    """Of a handler, an initializer or a pre-stop hook. A runtime that is not known has no rule here."""
    if runtime == CUSTOM and field != "handler":
        yield Fault(field, f"has no place in the runtime {CUSTOM}, where the platform calls nothing but {BOOTSTRAP}")
    if runtime not in HANDLED:
        return
    file, function = parse_handler(handler)
    if not file or not function or file.startswith("/") or ".." in file.split("/"):
        yield Fault(field, f"is {handler[:60]!r}, and is file.function for {runtime}")


def sources(runtime: str, handler: str) -> tuple[str, ...]:
    """The files one of which holds the handler; none for a package that is a server."""
    known = HANDLED.get(runtime)
    return tuple(parse_handler(handler).file + suffix for suffix in known.language.suffixes) if known else ()
