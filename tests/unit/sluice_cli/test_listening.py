"""An address that is taken is refused with what to do about it."""

import socket

import pytest

from sluice.errors import ConfigurationError
from sluice_cli.listening import require_free


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=rf"cannot listen on {address}: .*--listen"):
            require_free(address)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0"])
def test_a_free_address_can_be_had(address: str) -> None:
    require_free(address)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1:80"):
        require_free("192.0.2.1:80")
