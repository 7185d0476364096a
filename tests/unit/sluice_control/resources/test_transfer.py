"""Files that are more than they look like cost no more than they look like."""

import io
import tracemalloc
import zipfile

import pytest

from sluice.errors import Invalid
from sluice_control.resources import transfer


def file_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def test_a_configuration_that_multiplies_itself_is_refused() -> None:
    levels = ["a0: &a0 {x: y}", *(f"a{level}: &a{level} {{{fields(level - 1)}}}" for level in range(1, 9))]
    text = "\n".join([*levels, "hello: *a8"])
    with pytest.raises(Invalid, match="an alias"):
        transfer.read("hello", file_of("hello.yaml", text.encode()))


def fields(level: int) -> str:
    return ", ".join(f"f{number}: *a{level}" for number in range(10))


def test_an_entry_is_unpacked_no_further_than_it_says() -> None:
    honest = file_of("hello.yaml", bytes(32 * 1024 * 1024))
    lying = honest.replace((32 * 1024 * 1024).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            transfer.read("hello", lying)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
