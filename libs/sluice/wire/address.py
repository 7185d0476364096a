"""Where a service listens: `host:port`, `[ipv6]:port` or `unix:/path`."""

import ipaddress

from sluice.errors import ConfigurationError


def is_local(address: str) -> bool:
    """Whether only this machine can reach it. A name other than localhost may mean anything and counts as reachable."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host, separator, _ = address.rpartition(":")
    if not separator:
        raise ConfigurationError(f"{address!r} is not host:port or unix:/path")
    host = host.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listening(address: str, secrets: int) -> None:
    """Raises ConfigurationError: beyond this machine nobody may listen without a secret that tokens are checked by."""
    if not secrets and not is_local(address):
        raise ConfigurationError(f"listening on {address} needs a mesh secret; without one only loopback and unix: addresses are allowed")
