"""Aliases as FunctionGraph answers them."""

from typing import Any

import msgspec

from sluice_control.answers.function import Time


class ShortAlias(msgspec.Struct, frozen=True, kw_only=True):
    """Of update_version_alias, and an element of list_version_aliases."""

    name: str
    version: str
    description: str
    last_modified: Time
    alias_urn: str
    additional_version_weights: dict[str, int] | None


class Alias(ShortAlias, frozen=True, kw_only=True):
    """Of create_version_alias and show_version_alias."""

    additional_version_strategy: dict[str, Any] | None
