"""Where a message ends in a stream."""

import pytest

from sluice_lts.syslog_frames import BadFrames, Frames


@pytest.mark.parametrize("stream", [b"5 hello3 a\nb<13>x\n<13>y\n4 end\n", b"<13>x\n"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_messages_are_the_same_however_the_stream_is_cut(stream: bytes, size: int) -> None:
    frames = Frames()
    cut = [message for begin in range(0, len(stream), size) for message in frames.feed(stream[begin : begin + size])]
    assert cut == Frames().feed(stream)
    assert frames.rest() == b""


def test_both_ways_to_end_a_message_may_be_mixed() -> None:
    assert Frames().feed(b"5 hello3 a\nb<13>x\n\n<13>y\n4 end\n") == [b"hello", b"a\nb", b"<13>x", b"<13>y", b"end"]


def test_the_last_line_needs_no_end_and_a_counted_message_does() -> None:
    frames = Frames()
    assert frames.feed(b"<13>x") == []
    assert frames.rest() == b"<13>x"
    assert frames.feed(b"10 <13>x") == []
    assert frames.rest() == b""


def test_a_long_line_comes_in_pieces() -> None:
    assert Frames(4).feed(b"abcdefgh\nij\n") == [b"abcd", b"efgh", b"ij"]


@pytest.mark.parametrize("stream", [b"5x", b"12345678 x", b"1234567", b"9 too long"])
def test_a_stream_that_cannot_be_read_on_is_told(stream: bytes) -> None:
    with pytest.raises(BadFrames):
        Frames(5).feed(stream)
