"""Probes and metrics of a service, and who may read them."""

import pytest

from sluice.host.probes import Probes, admits


async def figures() -> str:
    return "sluice_x 1\n"


@pytest.mark.parametrize(
    ("address", "token", "authorization", "admitted"),
    [
        ("127.0.0.1:1", "", "", True),
        ("[::1]:1", "", "", True),
        ("192.0.2.1:1", "", "", False),
        ("gateway:1", "", "Bearer ", False),
        ("192.0.2.1:1", "secret", "Bearer secret", True),
        ("192.0.2.1:1", "secret", "Bearer secre\u00fc", False),
        ("127.0.0.1:1", "secret", "", False),
    ],
)
async def test_metrics_are_open_on_loopback_only_and_with_a_token_to_those_who_have_it(
    address: str, token: str, authorization: str, admitted: bool
) -> None:
    probes = Probes(str, figures, admits(address, token))
    status, _, text = await probes.page("/metrics", authorization)
    assert (status, "sluice_x" in text) == (("200 OK", True) if admitted else ("401 Unauthorized", False))
    assert (await probes.page("/livez", ""))[0] == (await probes.page("/readyz", ""))[0] == "200 OK"
