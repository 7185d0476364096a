"""Keys as stores write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_obs.keys import Encoding, key_of, read, written


@pytest.mark.parametrize(
    ("text", "source", "encoding", "key"),
    [
        ("a+b", "aws:s3", "auto", "a b"),
        ("a%20b%2Fc", "aws:s3", "auto", "a b/c"),
        ("a+b%20c", "ceph:s3", "auto", "a+b%20c"),
        ("a b+c", "other:s3", "auto", "a b+c"),
        ("100%", "other:s3", "auto", "100%"),
        ("ü+", "other:s3", "auto", "ü+"),
        ("a+b", "aws:s3", "raw", "a+b"),
        ("a%2Fb", "ceph:s3", "url", "a/b"),
        ("", "", "auto", ""),
    ],
)
def test_a_key_is_what_its_store_means(text: str, source: str, encoding: Encoding, key: str) -> None:
    assert key_of(text, source, encoding) == key.encode()


def test_everything_but_the_plainest_letters_is_escaped_in_the_event() -> None:
    assert written("a-Z_0.9~/ +%ü".encode()) == "a-Z_0.9~%2F%20%2B%25%C3%BC"


@given(st.binary(max_size=50))
def test_what_is_written_is_read_again(key: bytes) -> None:
    assert read(written(key)) == key
    assert key_of(written(key), "aws:s3", "auto") == key
