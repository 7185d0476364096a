"""The code of a function as a request brings it: which way in, and the package itself."""

import asyncio
import base64
import binascii
from collections.abc import Iterator

import msgspec

from sluice.errors import Fault, Invalid
from sluice_control.bodies import FuncCode, FunctionSettings
from sluice_control.code_store import CodeStore
from sluice_control.nouns import image_of
from sluice_control.resources import code_package
from sluice_control.resources.function_rules import IMAGE, ZIP, Coded


class Code(msgspec.Struct, frozen=True):
    """A stored package; empty for an image."""

    digest: str = ""
    size: int = 0


def code_type_of(settings: FunctionSettings) -> str:
    """The way in that was named, or that what was given means."""
    return settings.code_type or (IMAGE if image_of(settings) else ZIP)


def code_faults(settings: FunctionSettings, code: FuncCode | None) -> Iterator[Coded]:
    way, image = code_type_of(settings), image_of(settings)
    if way not in (ZIP, IMAGE):
        yield ("FSS.1006", Fault("code_type", f"is {way!r}, and is {ZIP} or {IMAGE} here"))
    if way == IMAGE and not image:
        yield ("FSS.1034", Fault("custom_image.image", f"is mandatory with code_type {IMAGE}"))
    if way == ZIP and image:
        yield ("FSS.1006", Fault("code_type", "is zip, and custom_image names an image: choose one"))
    if way == ZIP and not (code and code.file):
        yield ("FSS.1012", Fault("func_code.file", "is mandatory with code_type zip: the package in Base64"))


async def store(settings: FunctionSettings, code: FuncCode | None, packages: CodeStore) -> Code:
    """The package, checked and on disk. Raises Invalid (FSS.1011, FSS.1071)."""
    if code is None or code_type_of(settings) != ZIP:
        return Code()
    package = await asyncio.to_thread(_read, code.file)
    return Code(await packages.add(package), len(package))


def _read(text: str) -> bytes:
    try:
        package = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid([Fault("func_code.file", "is not Base64")], "FSS.1011") from None
    code_package.check(package)
    return package
