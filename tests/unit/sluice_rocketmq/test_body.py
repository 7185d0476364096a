"""Bodies that the sender's client has packed."""

import gzip
import zlib

import pytest

from sluice.event import MAX_EVENT_BYTES
from sluice_rocketmq.body import PACKED, unpacked


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_packed_body_comes_as_it_was_sent(pack: type[bytes]) -> None:
    assert unpacked(pack(b"m" * 1000), PACKED) == b"m" * 1000


def test_a_body_that_is_not_packed_stays_as_it_is() -> None:
    assert unpacked(b"m", 1) == b"m"
    assert unpacked(b"\xff\x00", PACKED) == b"\xff\x00"


def test_a_body_that_unpacks_without_end_ends_behind_the_largest_event() -> None:
    assert len(unpacked(zlib.compress(bytes(10 * MAX_EVENT_BYTES)), PACKED)) == MAX_EVENT_BYTES + 1
