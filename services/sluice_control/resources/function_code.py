"""The code of a function as a request brings it: which way in, and the package itself."""

import asyncio
import base64
import binascii
from collections.abc import Iterator

import msgspec

from sluice.errors import Fault, Invalid
from sluice.runtimes import HANDLED, sources
from sluice_control.bodies import FuncCode, FunctionSettings
from sluice_control.code_store import CodeStore
from sluice_control.nouns import image_of
from sluice_control.resources import code_package
from sluice_control.resources.function_rules import IMAGE, INLINE, ZIP, Coded

_HELD = {ZIP: "package", INLINE: "source"}


class Code(msgspec.Struct, frozen=True):
    """A stored package; empty for an image."""

    digest: str = ""
    size: int = 0


def code_type_of(settings: FunctionSettings) -> str:
    """The way in that was named, or that what was given means."""
    return settings.code_type or (IMAGE if image_of(settings) else ZIP)


def code_faults(settings: FunctionSettings, code: FuncCode | None) -> Iterator[Coded]:
    way, image = code_type_of(settings), image_of(settings)
    if way not in (ZIP, INLINE, IMAGE):
        yield ("FSS.1006", Fault("code_type", f"is {way!r}, and is {ZIP}, {INLINE} or {IMAGE} here"))
    if way == INLINE and settings.runtime not in HANDLED:
        yield ("FSS.1006", Fault("code_type", f"is {INLINE}, and {settings.runtime} runs a package that is a server: send a zip"))
    if way == IMAGE and not image:
        yield ("FSS.1034", Fault("custom_image.image", f"is mandatory with code_type {IMAGE}"))
    if way in (ZIP, INLINE) and image:
        yield ("FSS.1006", Fault("code_type", f"is {way}, and custom_image names an image: choose one"))
    if way in (ZIP, INLINE) and not (code and code.file):
        yield ("FSS.1012", Fault("func_code.file", f"is mandatory with code_type {way}: the {_HELD[way]} in Base64"))


async def store(settings: FunctionSettings, code: FuncCode | None, packages: CodeStore) -> Code:
    """The package, checked and on disk. Raises Invalid (FSS.1011, FSS.1071)."""
    if code is None or code_type_of(settings) == IMAGE:
        return Code()
    package = await asyncio.to_thread(_read, settings, code.file)
    return Code(await packages.add(package), len(package))


def _read(settings: FunctionSettings, text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid([Fault("func_code.file", "is not Base64")], "FSS.1011") from None
    files = sources(settings.runtime or "", settings.handler or "")
    package = code_package.pack(files[0], content) if code_type_of(settings) == INLINE else content
    code_package.check(package, files)
    return package
