"""What a code package must be."""

import base64
import io
import zipfile

import pytest

from sluice.errors import Invalid
from sluice_control.resources import code_package
from tests.unit.sluice_control.client import package


def zipped(*names: str) -> bytes:
    file = io.BytesIO(base64.b64decode(package()))
    with zipfile.ZipFile(file, "a") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


def test_a_zip_with_an_executable_bootstrap_is_taken() -> None:
    code_package.check(zipped("lib/a.py", "README"))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "..\\x"])
def test_a_path_that_reaches_outside_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid, match="outside the package"):
        code_package.check(zipped(name))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("a", "./a"), "'./a' twice"),
        (("a", "a/b"), "'a' as a file and as a folder"),
        (("a/b", "a"), "'a' as a file and as a folder"),
        (("x" * 256,), "too long a name"),
        (("ä" * 128,), "too long a name"),
        (("/".join(["d"] * 600),), "too long a name"),
    ],
)
def test_names_that_cannot_be_unpacked_are_refused(names: tuple[str, ...], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        code_package.check(zipped(*names))


def test_folders_may_be_there_twice_and_names_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    code_package.check(zipped("lib/", "./lib/", "lib/a", "x" * 255, "ä" * 100))
    monkeypatch.setattr(code_package, "MAX_ENTRIES", 2)
    with pytest.raises(Invalid, match="3 entries"):
        code_package.check(zipped("a", "b"))


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_package, "MAX_UNPACKED_BYTES", 5)
    with pytest.raises(Invalid, match="unpacks to"):
        code_package.check(zipped())


def test_a_package_that_is_too_large_has_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_package, "MAX_PACKAGE_BYTES", 5)
    with pytest.raises(Invalid) as refused:
        code_package.check(zipped())
    assert refused.value.code == "FSS.1071"


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"PK\x03\x04" + b"\0" * 50, b"\xff" * 1000])
def test_bytes_that_are_no_zip_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="not a zip"):
        code_package.check(data)
