"""Function names: `urn:fss:<region>:<project>:function:<package>:<name>[:<version>|:!<alias>]` and its short forms."""

import re

import msgspec

from sluice.errors import Fault, Invalid

LATEST = "latest"
DEFAULT_PACKAGE = "default"
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
QUALIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Urn(msgspec.Struct, frozen=True, order=True):
    """A function and a qualifier. `qualifier` is a version name or `!alias`; `latest` when nothing was said."""

    region: str
    project: str
    package: str
    name: str
    qualifier: str = LATEST

    @property
    def function(self) -> str:
        """The text without a qualifier: names the function with all its versions."""
        return f"urn:fss:{self.region}:{self.project}:function:{self.package}:{self.name}"

    @property
    def alias(self) -> str | None:
        return self.qualifier[1:] if self.qualifier.startswith("!") else None

    @property
    def version(self) -> str | None:
        return None if self.qualifier.startswith("!") else self.qualifier

    def __str__(self) -> str:
        return f"{self.function}:{self.qualifier}"


def parse(text: str, *, region: str, project: str) -> Urn:
    """Read a full or short URN; missing parts come from the caller's region and project.

    Short forms by number of fields: 1 name, 2 package:name, 3 project:package:name, 4 project:package:name:qualifier,
    7 full without a qualifier, 8 full. Raises Invalid (FSS.1309).
    """
    fields = text.split(":")
    match fields:
        case [name]:
            urn = Urn(region, project, DEFAULT_PACKAGE, name)
        case [package, name]:
            urn = Urn(region, project, package, name)
        case [own, package, name]:
            urn = Urn(region, own, package, name)
        case [own, package, name, qualifier]:
            urn = Urn(region, own, package, name, qualifier)
        case ["urn", "fss", its, own, "function", package, name]:
            urn = Urn(its, own, package, name)
        case ["urn", "fss", its, own, "function", package, name, qualifier]:
            urn = Urn(its, own, package, name, qualifier)
        case _:
            raise _invalid(
                text,
                "a function name, a short URN, or urn:fss:<region>:<project>:function:<package>:<name>[:<version>|:!<alias>]",
            )
    _check(text, urn)
    return urn


def _check(text: str, urn: Urn) -> None:
    if not NAME.fullmatch(urn.name):
        raise _invalid(text, "the name has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit")
    for part in (urn.region, urn.project, urn.package):
        if not _PART.fullmatch(part):
            raise _invalid(text, "region, project and package consist of letters, digits, '.', '_' and '-'")
    if not QUALIFIER.fullmatch(urn.qualifier.removeprefix("!")):
        raise _invalid(text, "the version or !alias has 1-64 letters, digits, '.', '_' or '-'")


def _invalid(text: str, rule: str) -> Invalid:
    return Invalid([Fault("function_urn", f"{text[:120]!r} is not {rule}")], "FSS.1309")
