"""Records of the Linux audit log put together to the events that they are parts of. Pure."""

from collections.abc import Sequence

from sluice_cts.audit_line import AuditLine, parsed

END = "EOE"
ALONE = ("USER_", "CRED_", "DAEMON_", "SERVICE_", "SYSTEM_", "GRP_", "ACCT_", "ADD_", "DEL_", "CRYPTO_", "VIRT_", "LABEL_", "ROLE_", "DM_")
"""Records of programs, by how their types begin: each is an event. The others are the kernel's, and several are one."""
MOST_OPEN = 64
"""Events that are open at the same time; the oldest is taken for whole when there are more."""
MOST_LINES = 128
"""Of one event; more are left out."""


class Assembly:
    """`held` are the lines of events that are not whole: whoever keeps them can begin again with them."""

    def __init__(self, held: Sequence[bytes] = ()) -> None:
        self._open: dict[str, list[tuple[bytes, AuditLine]]] = {}
        for line in held:
            self.add(line)

    @property
    def held(self) -> list[bytes]:
        return [line for lines in self._open.values() for line, _ in lines]

    def add(self, line: bytes) -> list[list[AuditLine]]:
        """The events that the line makes whole."""
        record = parsed(line)
        if record is None:
            return []
        if record.type.startswith(ALONE) and record.event not in self._open:
            return [[record]]
        if record.type == END:
            return self._take(record.event)
        lines = self._open.setdefault(record.event, [])
        if len(lines) < MOST_LINES:
            lines.append((line, record))
        return self._take(next(iter(self._open))) if len(self._open) > MOST_OPEN else []

    def flush(self) -> list[list[AuditLine]]:
        """Nothing has come for so long that what is open is whole."""
        return [event for name in list(self._open) for event in self._take(name)]

    def _take(self, name: str) -> list[list[AuditLine]]:
        lines = self._open.pop(name, None)
        return [[record for _, record in lines]] if lines else []
