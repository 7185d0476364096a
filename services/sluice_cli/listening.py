"""Whether the address of the gateway can be had, asked before anything is started."""

import socket

from sluice.errors import ConfigurationError


def require_free(listen: str) -> None:
    """Raises ConfigurationError if nothing can listen on HOST:PORT now."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
            probe.listen()
    except OSError as error:
        why = f"cannot listen on {listen}: {error.strerror or error}"
        raise ConfigurationError(f"{why}; choose another address with --listen HOST:PORT") from None
