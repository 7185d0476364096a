"""From where something is taken."""

import ipaddress
from collections.abc import Iterable


class Networks:
    """This machine, and the networks that are named; without a name, everywhere that can reach us."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def allow(self, address: str) -> bool:
        if not self._networks:
            return True
        host = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
            host = host.ipv4_mapped
        return host.is_loopback or any(host in network for network in self._networks)
