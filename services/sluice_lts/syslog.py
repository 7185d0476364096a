"""Syslog messages: RFC 5424, RFC 3164, and what is neither. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice_lts.log import Log, message_of

_FACILITIES = (
    *(
        "kern",
        "user",
        "mail",
        "daemon",
        "auth",
        "syslog",
        "lpr",
        "news",
        "uucp",
        "cron",
        "authpriv",
        "ftp",
        "ntp",
        "audit",
        "alert",
        "clock",
    ),
    *(f"local{number}" for number in range(8)),
)
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_PRIORITY = re.compile(rb"<([0-9]{1,3})>")
_NEW = re.compile(rb"1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (?=[-\[])")
_OLD = re.compile(rb"([A-Z][a-z]{2}) ([ 0-9][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ")
_STAMPED = re.compile(rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T\S{1,30}) ")
"""What rsyslog's file format and others put where RFC 3164 has its own time."""
_HOST = re.compile(rb"([^\s:\[\]]{1,255}) (?=[^\s:\[]{1,48}(\[|:))")
_TAG = re.compile(rb"([^\s:\[]{1,48})(?:\[([^\]\s]{0,128})\])?: ?")
_ELEMENT = re.compile(rb"\[([^\s=\]\"]{1,64})")
_PARAMETER = re.compile(rb' ([^\s=\]"]{1,64})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def parse(message: bytes, sender: str, number: int, now: datetime) -> Log:
    """Never fails: of what has no form the whole is the text. `now` gives the year and the zone that RFC 3164 leaves out."""
    log = Log("", 0, "", sender, "", "", number)
    found = _PRIORITY.match(message)
    if not found or int(found[1]) > 191:
        log.message = message_of(message)
        return log
    facility, severity = divmod(int(found[1]), 8)
    log.severity = _SEVERITIES[severity]
    log.attributes = {"facility": _FACILITIES[facility]}
    rest = message[found.end() :]
    return _new(log, rest) or _old(log, rest, now)


def _new(log: Log, rest: bytes) -> Log | None:
    header = _NEW.match(rest)
    if not header:
        return None
    stamp, host, app, process, name = header.groups()
    time_ms = _time_ms(stamp)
    data = _structured(rest, header.end())
    if (time_ms is None and stamp != b"-") or data is None:
        return None
    elements, end = data
    log.time = time_ms or 0
    log.host_name = _given(host)
    log.attributes |= _named(app_name=_given(app), proc_id=_given(process), msg_id=_given(name), structured_data=elements)
    log.message = message_of(rest[end:].removeprefix(b" ").removeprefix(_BOM))
    return log


def _structured(rest: bytes, begin: int) -> tuple[dict[str, Any], int] | None:
    """The elements, and where they end; None for what are none."""
    if rest[begin : begin + 1] == b"-":
        return {}, begin + 1
    elements: dict[str, Any] = {}
    while found := _ELEMENT.match(rest, begin):
        parameters: dict[str, str] = {}
        begin = found.end()
        while parameter := _PARAMETER.match(rest, begin):
            parameters[_text(parameter[1])] = message_of(re.sub(rb'\\(["\\\]])', rb"\1", parameter[2]))
            begin = parameter.end()
        if rest[begin : begin + 1] != b"]":
            return None
        elements[_text(found[1])] = parameters
        begin += 1
    return (elements, begin) if rest[begin : begin + 1] in (b"", b" ") else None


def _old(log: Log, rest: bytes, now: datetime) -> Log:
    """Every part may be missing, and then what follows is read as if it had been there."""
    if found := _OLD.match(rest):
        log.time = _old_time_ms(found, now)
        rest = rest[found.end() :]
    elif (found := _STAMPED.match(rest)) and (time_ms := _time_ms(found[1])):
        log.time = time_ms
        rest = rest[found.end() :]
    if log.time and (host := _HOST.match(rest)):
        log.host_name = _text(host[1])
        rest = rest[host.end() :]
    if tag := _TAG.match(rest):
        log.attributes |= _named(app_name=_text(tag[1]), proc_id=_text(tag[2] or b""))
        rest = rest[tag.end() :]
    log.message = message_of(rest)
    return log


def _old_time_ms(found: "re.Match[bytes]", now: datetime) -> int:
    """Of this year, or of the last one where that would be in the future."""
    month, day, hour, minute, second = found.groups()
    try:
        moment = datetime(now.year, _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=now.tzinfo)
        if moment > now + timedelta(days=1):
            moment = moment.replace(year=now.year - 1)
    except (KeyError, ValueError):
        return 0
    return int(moment.timestamp() * 1000)


def _time_ms(stamp: bytes) -> int | None:
    try:
        moment = datetime.fromisoformat(stamp.decode("ascii"))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _given(field: bytes) -> str:
    return "" if field == b"-" else _text(field)


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace")


def _named(**values: Any) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if value}
