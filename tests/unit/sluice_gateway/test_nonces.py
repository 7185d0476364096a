"""Nonces that were seen."""

import pytest

from sluice.errors import Unavailable
from sluice_gateway.nonces import NonceRefused, Nonces

ONE, TWO = b"1" * 16, b"2" * 16


def test_a_nonce_is_taken_once_for_each_key() -> None:
    nonces = Nonces(900, since=1000)
    nonces.take("a", ONE, 1000, 1000)
    nonces.take("b", ONE, 1000, 1000)
    nonces.take("a", TWO, 1000, 1000)
    with pytest.raises(NonceRefused, match="before"):
        nonces.take("a", ONE, 1001, 1001)


def test_a_nonce_is_remembered_while_a_request_with_it_could_be_accepted() -> None:
    nonces = Nonces(900, since=0)
    nonces.take("a", ONE, 1900, 1000)
    with pytest.raises(NonceRefused):
        nonces.take("a", ONE, 1900, 2799)
    nonces.take("a", ONE, 2900, 2800)


@pytest.mark.parametrize("nonce", [b"", b"short", b"x" * 129])
def test_what_is_no_nonce_is_refused(nonce: bytes) -> None:
    with pytest.raises(NonceRefused, match="16 to 128"):
        Nonces(900, since=0).take("a", nonce, 1000, 1000)


def test_a_request_from_before_the_memory_began_is_refused() -> None:
    with pytest.raises(NonceRefused, match="memory"):
        Nonces(900, since=1000.7).take("a", ONE, 999, 1001)
    Nonces(900, since=1000.7).take("a", ONE, 1000, 1001)


def test_a_full_memory_refuses_rather_than_forgets_and_says_when_there_is_room() -> None:
    nonces = Nonces(900, since=0, most=2)
    nonces.take("a", ONE, 1000, 1000)
    nonces.take("a", TWO, 1000, 1100)
    with pytest.raises(Unavailable) as full:
        nonces.take("a", b"3" * 16, 1000, 1200)
    assert full.value.retry_after_s == 1600
    nonces.take("a", b"3" * 16, 2800, 2800)
