"""Bindings as they arrive from outside."""

import msgspec

from sluice.binding import Binding


def test_words_that_bindings_share_are_kept_once() -> None:
    text = msgspec.json.encode(Binding("t", "some project", "TIMER", "timer", "urn:fss:r:p:function:default:f:latest", b"{}"))
    one, other = (msgspec.json.decode(text, type=Binding) for _ in range(2))
    assert one == other
    for name in ("project", "type", "kind", "function"):
        assert getattr(one, name) is getattr(other, name)
