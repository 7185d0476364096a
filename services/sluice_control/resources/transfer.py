"""Functions as files: what is exported of one, and what an imported file means; pure.

The file is a zip of `<name>.yaml`, which holds the configuration under the function's name, and `<name>.zip`, the code package as it is. A
package or a configuration alone is exported as itself. Values of encrypted_user_data stay here: only their names go along.
"""

import io
import zipfile
from typing import Any

import msgspec
import yaml

from sluice.decoding import without_nulls
from sluice.errors import Fault, Invalid
from sluice.function_rules import MAX_PACKAGE_BYTES, MAX_UNPACKED_BYTES
from sluice_control.bodies import FunctionSettings
from sluice_control.decoding import decode
from sluice_control.fss import Refused
from sluice_control.resources.function_rules import code_of

MAX_FILE_BYTES = MAX_PACKAGE_BYTES
_FIELD = "file_code"
_MAX_YAML_BYTES = 256 * 1024
_STAMP = (1980, 1, 1, 0, 0, 0)
"""The same function gives the same file."""


class Imported(msgspec.Struct, frozen=True):
    """What a file holds: a configuration, and a package unless it has none."""

    settings: FunctionSettings
    package: bytes


def written(name: str, settings: FunctionSettings | None, package: bytes | None) -> bytes:
    """The file of a function. Raises Refused (FSS.1071) over 50 MiB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if settings is not None:
            archive.writestr(zipfile.ZipInfo(f"{name}.yaml", _STAMP), _yaml(name, settings))
        if package is not None:
            archive.writestr(zipfile.ZipInfo(f"{name}.zip", _STAMP), package)
    file = buffer.getvalue()
    if len(file) > MAX_FILE_BYTES:
        raise Refused("FSS.1071", f"The exported file has {len(file)} bytes.")
    return file


def read(name: str, file: bytes) -> Imported:
    """What the file says of the function of that name. Raises Invalid and Refused (FSS.1022, 1023, 1025, 1057, 1013)."""
    if len(file) > MAX_FILE_BYTES:
        raise Refused("FSS.1023", f"It has {len(file)} bytes, more than {MAX_FILE_BYTES}.")
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            return Imported(_configuration(archive, name), _package(archive))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise Invalid([Fault(_FIELD, f"is not a zip file that can be read: {error}")], "FSS.1013") from None


def _yaml(name: str, settings: FunctionSettings) -> str:
    shown = msgspec.to_builtins(settings)
    return yaml.safe_dump({name: shown}, sort_keys=True, allow_unicode=True)


def _configuration(archive: zipfile.ZipFile, name: str) -> FunctionSettings:
    found = [entry for entry in archive.infolist() if entry.filename.endswith((".yaml", ".yml"))]
    if len(found) > 1:
        raise Refused("FSS.1022", f"{_FIELD}: holds {', '.join(entry.filename[:60] for entry in found[:3])}.")
    if not found:
        raise Invalid([Fault(_FIELD, "holds no .yaml file with the configuration")], "FSS.1025")
    if found[0].file_size > _MAX_YAML_BYTES:
        raise Invalid([Fault(_FIELD, f"holds a .yaml file of {found[0].file_size} bytes, more than {_MAX_YAML_BYTES}")], "FSS.1025")
    return _settings(_parsed(_content(archive, found[0])), name)


class _Loader(yaml.SafeLoader):
    """Knows no aliases: a few lines of them mean more data than fits into any memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias (*name) is not understood here", None)
        return super().compose_node(parent, index)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """As many bytes as the entry says that it has: `ZipFile.read` unpacks all that are there first."""
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid([Fault(_FIELD, f"holds a .yaml file that cannot be read: {str(error)[:200]}")], "FSS.1025") from None
    if not isinstance(data, dict):
        raise Invalid([Fault(_FIELD, "holds a .yaml file that is not a mapping of a function's name to its configuration")], "FSS.1025")
    return data


def _settings(data: dict[str, Any], name: str) -> FunctionSettings:
    if name not in data:
        raise Refused("FSS.1057", f"func_name: {name[:60]!r} is not in it.")
    if not isinstance(data[name], dict):
        raise Invalid([Fault(name, "is not a mapping")], "FSS.1025")
    return decode(without_nulls(data[name]), FunctionSettings, code_of=code_of, prefix=name)


def _package(archive: zipfile.ZipFile) -> bytes:
    found = [entry for entry in archive.infolist() if entry.filename.endswith(".zip")]
    if len(found) > 1:
        raise Invalid([Fault(_FIELD, "holds more than one .zip file with code")], "FSS.1013")
    if found and found[0].file_size > min(MAX_PACKAGE_BYTES, MAX_UNPACKED_BYTES):
        raise Refused("FSS.1023", f"Its code has {found[0].file_size} bytes, more than {MAX_PACKAGE_BYTES}.")
    return _content(archive, found[0]) if found else b""
