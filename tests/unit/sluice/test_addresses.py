"""Where a source is reached."""

import pytest

from sluice.addresses import address_faults, addresses, first_that_answers
from sluice.errors import SourceLost, SourceRefused


@pytest.mark.parametrize("text", ["a:1", "127.0.0.1:9092, b.example:65535", "[::1]:5672"])
def test_host_and_port_are_an_address(text: str) -> None:
    assert list(address_faults("field", text)) == []


@pytest.mark.parametrize("text", ["", "a", "a:", "a:0", "a:65536", "a:1,", "a b:1", "amqp://a:1", "::1:5672"])
def test_what_is_no_address_is_named_with_its_field(text: str) -> None:
    (fault,) = address_faults("field", text)
    assert (fault.field, fault.rule.endswith("is not host:port")) == ("field", True)


def test_they_come_in_the_order_in_which_they_are_written() -> None:
    assert addresses("b:2, [::1]:5672,a:1") == [("b", 2), ("::1", 5672), ("a", 1)]


async def test_the_first_that_answers_is_taken() -> None:
    async def connect(host: str, _port: int) -> str:
        match host:
            case "silent":
                raise TimeoutError
            case "gone":
                raise SourceLost("gone:1: refused")
        return host

    assert await first_that_answers([("silent", 1), ("gone", 1), ("here", 1), ("never", 1)], connect) == "here"
    with pytest.raises(SourceLost, match="silent:1 does not answer"):
        await first_that_answers([("gone", 1), ("silent", 1)], connect)


async def test_a_refusal_of_one_is_a_refusal() -> None:
    async def connect(host: str, _port: int) -> str:
        raise SourceRefused(f"{host} refused the login")

    with pytest.raises(SourceRefused, match="a refused the login"):
        await first_that_answers([("a", 1), ("b", 1)], connect)
