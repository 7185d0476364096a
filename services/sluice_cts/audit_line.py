"""Lines of the Linux audit log: `type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 …`. Pure."""

import re
from typing import NamedTuple

_LINE = re.compile(rb"(?:node=(\S+) )?type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\): ?(.*)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z0-9_-]+)=(\"[^\"]*\"|'[^']*'|\S*)")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ENCODED = frozenset({"name", "comm", "exe", "cwd", "proctitle", "acct", "path", "key", "cmd", "data", "dir"})
"""Fields whose value is hexadecimal when it is not in quotes: it holds bytes that would break the line."""
_ENRICHED = b"\x1d"
"""What stands before the fields that auditd adds for people, in capitals."""
_LONGEST = 4096


class AuditLine(NamedTuple):
    """One record. `event` tells which records belong together; names of enriched fields are in capitals."""

    type: str
    event: str
    at_s: int
    fields: dict[str, str]


def parsed(line: bytes) -> AuditLine | None:
    """None for a line that is no record of the audit log."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    node, kind, second, milli, serial, rest = found.groups()
    plain, _, enriched = rest.partition(_ENRICHED)
    event = b"%b%b.%b:%b" % (node + b"/" if node else b"", second, milli, serial)
    fields = _fields(plain.decode("utf-8", "replace")) | _fields(enriched.decode("utf-8", "replace"))
    return AuditLine(kind.decode("utf-8", "replace")[:64], event.decode("utf-8", "replace"), int(second[:15]), fields)


def _fields(text: str) -> dict[str, str]:
    """The fields of a record; those of a nested `msg='…'` stand beside the others."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        if name == "msg" and value.startswith("'"):
            found |= _fields(value[1:-1])
        else:
            found[name] = _value(name, value)[:_LONGEST]
    return found


def _value(name: str, value: str) -> str:
    if value[:1] in ('"', "'"):
        return value[1:-1]
    if name.lower() in _ENCODED and len(value) >= 4 and _HEX.fullmatch(value):
        return bytes.fromhex(value).replace(b"\0", b" ").decode("utf-8", "replace")
    return "" if value in ("(null)", "?") else value
