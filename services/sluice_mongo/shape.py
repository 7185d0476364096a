"""From records to the event of FunctionGraph's DDS and GAUSSMONGO triggers. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice_mongo.settings import MongoSettings

GAP = "gap"
"""Attribute of the record that stands for changes that were not read: JSON text of what was lost."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: MongoSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch. token, full_document and ns are JSON encoded as strings."""
    gauss = binding.type == "GAUSSMONGO"
    start, middle = _frame(binding.function, settings.instance_id, gauss)
    changes = [dict(record.attributes) for record in records if not _is_gap(record)]
    elements = [
        b"".join((start, _json(_name(change["operation"], gauss)), middle, _detail(change), _metadata(change), b"}")) for change in changes
    ]
    event = [b'{"records":[', b",".join(elements), b"]"]
    if gauss:
        event += (b',"vernier":', _json(changes[-1]["token"] if changes else ""))
    if gaps := [record.attributes[0][1].encode() for record in records if _is_gap(record)]:
        event += (b',"gaps":[', b",".join(gaps), b"]")
    return b"".join((*event, b"}"))


@lru_cache(maxsize=4096)
def _frame(function: str, instance_id: str, gauss: bool) -> tuple[bytes, bytes]:
    """What stands before the name of a change, and between that and what changed."""
    source = b"gauss_mongo" if gauss else b"dds"
    region = _json(function.split(":")[2])
    start = b'{"event_source":"' + source + b'","event_name":'
    return start, b',"region":' + region + b',"event_version":"1.0","event_source_id":' + _json(instance_id) + b',"' + source + b'":'


def _name(operation: str, gauss: bool) -> str:
    """GAUSSMONGO has the name in quotes of its own; that is how it has always been."""
    return f'"{operation}"' if gauss else operation


def _detail(change: dict[str, str]) -> bytes:
    return _json({"size_bytes": change["size"], "token": change["token"], "full_document": change["document"], "ns": change["ns"]})


def _metadata(change: dict[str, str]) -> bytes:
    told = change.get("metadata")
    return b',"metadata":' + told.encode() if told else b""


def _is_gap(record: Record) -> bool:
    return record.attributes[0][0] == GAP
