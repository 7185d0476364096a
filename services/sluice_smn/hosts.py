"""Which hosts are believed. Pure: an address is compared with the list in whole, scheme, host and port."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sluice.errors import Fault

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,39}\])"
_ENTRY = re.compile(rf"(?:(https?)://)?({_HOST})(?::([0-9]{{1,5}}))?", re.ASCII)
_URL = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?(?:[/?][!-~]*)?", re.ASCII)
_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int]
"""Scheme, host, port."""


class Hosts:
    """An allow-list: `host`, `host:port`, both meant with https, or `http://` and a host of this machine."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._origins = frozenset(filter(None, (_origin(_ENTRY, entry) for entry in entries)))

    def admits(self, url: str) -> bool:
        """Whether the address is at one of them, and cannot be read in two ways: no user, no fragment, nothing but ASCII."""
        return _origin(_URL, url) in self._origins and "#" not in url and "\\" not in url


def host_faults(field: str, entries: Iterable[str]) -> Iterator[Fault]:
    """What is wrong with the list."""
    for entry in entries:
        origin = _origin(_ENTRY, entry)
        if origin is None:
            yield Fault(field, f"{entry[:80]!r} is not host or host:port")
        elif origin[0] == "http" and not _is_here(origin[1]):
            yield Fault(field, f"{entry[:80]!r}: http is for hosts of this machine only")


def endpoint_faults(field: str, url: str) -> Iterator[Fault]:
    """What is wrong with the address that stands for all hosts of the list; "" is none."""
    if url and (not url.startswith(("http://", "https://")) or url.rstrip("/").count("/") > 2):
        yield Fault(field, f"{url[:80]!r} is not https://host:port")
    elif url:
        yield from host_faults(field, [url.rstrip("/")])


def moved(url: str, endpoint: str) -> str:
    """The same path and query at another place."""
    parts = urlsplit(url)
    return f"{endpoint.rstrip('/')}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def _origin(form: re.Pattern[str], text: str) -> Origin | None:
    found = form.fullmatch(text)
    if not found:
        return None
    scheme = found[1] or "https"
    port = int(found[3] or _PORTS[scheme])
    return (scheme, found[2].lower(), port) if 0 < port < 65536 else None


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
