"""What the settings of all sources have in common."""

from typing import ClassVar

import msgspec


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`event_data` of a kind: unknown keys are refused, and the fields named in `hidden` are never shown."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """What may be shown: everything but the secrets."""
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, "***" if name in self.hidden and value else value) for name, value in values]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
