"""How much a project may have: its own quotas, else what any may."""

import msgspec

from sluice_control.registry import Quotas, View

MOST_KEYS = 1_000
MOST_TRIGGERS = 1_000_000
"""Of a whole project; those of one version or alias are FunctionGraph's ten."""


class Allowance(msgspec.Struct, frozen=True):
    """Each answers with the project's own number, or with `most`."""

    quotas: Quotas

    def functions(self, most: int) -> int:
        return most if self.quotas.functions is None else self.quotas.functions

    def triggers(self, most: int = MOST_TRIGGERS) -> int:
        return most if self.quotas.triggers is None else self.quotas.triggers

    def keys(self, most: int = MOST_KEYS) -> int:
        return most if self.quotas.keys is None else self.quotas.keys

    def has_room_for_code(self, held: int, more: int) -> bool:
        """Bytes that a project's code packages have, and would have more."""
        return self.quotas.code_mb is None or held + more <= self.quotas.code_mb * 2**20


def allowance_of(view: View, project: str) -> Allowance:
    row = view.project_row(project)
    return Allowance(row.quotas if row else Quotas())
