"""From where syslog is taken."""

import pytest

from sluice_lts.networks import Networks


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", False),
        ("192.0.3.7", False),
        ("2001:db9::1", False),
    ],
)
def test_the_named_networks_and_the_machine_itself_may_send(address: str, allowed: bool) -> None:
    assert Networks(["192.0.2.0/24", "2001:db8::/32"]).allow(address) is allowed


def test_without_names_everybody_may_who_can_reach_us() -> None:
    assert Networks([]).allow("192.0.2.7")
