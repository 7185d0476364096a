"""From records to the event of FunctionGraph's DDS and GAUSSMONGO triggers. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from sluice.binding import Binding
from sluice.event import GAP, Record
from sluice_mongo.settings import MongoSettings

DOCUMENT = "document"
"""Attribute with the document, where the value is all of the change."""
LEAST_ATTRIBUTES = 3
"""Every change has its operation, its token, and its namespace, in this order."""
METADATA = "metadata"
"""Attribute with what events carry beside FunctionGraph's fields, as JSON text; the last one."""
NOTHING = b"null"
"""Stands for the document of a change that has none."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: MongoSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch. token, full_document and ns are JSON encoded as strings."""
    gauss = binding.type == "GAUSSMONGO"
    changes = [record for record in records if not _is_gap(record)]
    elements = [_element(binding.function, settings.instance_id, gauss, change) for change in changes]
    event = [b'{"records":[', b",".join(elements), b"]"]
    if gauss:
        event += (b',"vernier":', _json(changes[-1].attributes[1][1] if changes else ""))
    if gaps := [record.attributes[0][1].encode() for record in records if _is_gap(record)]:
        event += (b',"gaps":[', b",".join(gaps), b"]")
    return b"".join((*event, b"}"))


@lru_cache(maxsize=4096)
def _start(function: str, instance_id: str, gauss: bool, operation: str) -> bytes:
    """What stands before the size of the document. GAUSSMONGO has the operation in quotes of its own; that is how it has always been."""
    source, name = ("gauss_mongo", f'"{operation}"') if gauss else ("dds", operation)
    told = {"event_source": source, "event_name": name, "region": function.split(":")[2], "event_version": "1.0"}
    return _json(told | {"event_source_id": instance_id})[:-1] + b',"' + source.encode() + b'":{"size_bytes":"'


@lru_cache(maxsize=4096)
def _end(namespace: str) -> bytes:
    return b',"ns":' + _json(namespace) + b"}"


def document_of(record: Record) -> bytes:
    """Canonical Extended JSON; `NOTHING` for a change without one."""
    for name, text in record.attributes[LEAST_ATTRIBUTES:]:
        if name == DOCUMENT:
            return text.encode()
    return record.value or NOTHING


def _element(function: str, instance_id: str, gauss: bool, record: Record) -> bytes:
    """Most of it is the same for all changes, and was made before."""
    (_, operation), (_, token), (_, namespace), *more = record.attributes
    document = document_of(record)
    size = b"0" if document == NOTHING else b"%d" % len(document)
    parts = [_start(function, instance_id, gauss, operation), size, b'","token":', _json(token)]
    parts += (b',"full_document":', _json(document.decode()), _end(namespace))
    if more and more[-1][0] == METADATA:
        parts += (b',"metadata":', more[-1][1].encode())
    return b"".join((*parts, b"}"))


def _is_gap(record: Record) -> bool:
    return record.attributes[0][0] == GAP
