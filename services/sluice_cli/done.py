"""One line of what `apply` did."""

from typing import NamedTuple

CREATED, UPDATED, UNCHANGED, REMOVED = "created", "updated", "unchanged", "removed"


class Done(NamedTuple):
    """`how` is one of the words above."""

    what: str
    name: str
    how: str
    detail: str = ""
