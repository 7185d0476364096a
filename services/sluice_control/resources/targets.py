"""What a URN in a path means in the registry."""

import msgspec

from sluice.urn import Urn, parse
from sluice_control.fss import Refused
from sluice_control.registry import AliasRow, FunctionRow, VersionRow, View

_EXPLICIT_COLONS = (3, 7)


class Target(msgspec.Struct, frozen=True):
    """A function and a qualifier; `explicit` when the qualifier was written, also if it was `latest`."""

    urn: Urn
    explicit: bool

    def function(self, view: View) -> FunctionRow:
        """Raises Refused (FSS.1051)."""
        row = view.function(self.urn.project, self.urn.package, self.urn.name)
        if row is None:
            raise Refused("FSS.1051")
        return row

    def alias(self, view: View, function: FunctionRow) -> AliasRow | None:
        """The alias that is named, or None when a version is. Raises Refused (FSS.1053)."""
        if self.urn.alias is None:
            return None
        row = view.alias(function, self.urn.alias)
        if row is None:
            raise Refused("FSS.1053")
        return row

    def version(self, view: View) -> VersionRow:
        """The version that is named, or that the alias points to. Raises Refused (FSS.1051, FSS.1052, FSS.1053)."""
        while True:
            function = self.function(view)
            try:
                return self._version(view, function)
            except Refused:
                if view.function_numbered(function.project, function.id) is not None:
                    raise
                # It was deleted between two readings; there may be another of its name by now.

    def _version(self, view: View, function: FunctionRow) -> VersionRow:
        alias = self.alias(view, function)
        row = view.version(function, alias.version if alias else self.urn.qualifier)
        if row is None:
            raise Refused("FSS.1052")
        return row


def target(text: str, region: str, project: str) -> Target:
    """Raises Invalid (FSS.1309); a function elsewhere does not exist (FSS.1051)."""
    urn = parse(text, region=region, project=project)
    if (urn.region, urn.project) != (region, project):
        raise Refused("FSS.1051")
    return Target(urn, text.count(":") in _EXPLICIT_COLONS)
