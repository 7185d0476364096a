"""CloudEvents in Kafka's messages, after the specification's Kafka binding. Pure."""

from sluice.cloudevents import STRUCTURED, CloudEvent, binary, media_type, structured
from sluice.errors import Fault, Invalid
from sluice.event import Record
from sluice_kafka.record import Headers, Message, record_of

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
_FAMILY = "application/cloudevents"


def event_record(message: Message, source: str) -> Record:
    """Its value is the event as JSON. A message that is none keeps its own value, and says why it is refused."""
    plain = record_of(message, source, False)
    try:
        event = _event(message)
    except Invalid as invalid:
        return Record(plain.value, source, plain.position, plain.time_ms, plain.key, refused=f"it is no CloudEvent: {invalid}")
    return Record(event.text, source, plain.position, plain.time_ms, plain.key, trace=event.trace or plain.trace)


def _event(message: Message) -> CloudEvent:
    headers = _texts(message.headers)
    content_type, data = headers.get(_CONTENT_TYPE, ""), message.value or b""
    media = media_type(content_type)
    if media == STRUCTURED:
        return structured(data)
    if media.startswith(_FAMILY):
        raise Invalid([Fault(_CONTENT_TYPE, f"is {STRUCTURED}, or that of the data, not {media[:80]}")])
    return binary({name[len(_PREFIX) :]: value for name, value in headers.items() if name.startswith(_PREFIX)}, content_type, data)


def _texts(headers: Headers) -> dict[str, str]:
    """Names in lower case; of a header that is there twice the last one counts, and one without a value is none."""
    found = {}
    for name, value in headers:
        key = name.lower()
        if value is None or not (key == _CONTENT_TYPE or key.startswith(_PREFIX)):
            continue
        try:
            found[key] = value.decode()
        except UnicodeDecodeError:
            raise Invalid([Fault(key[:40], "is not UTF-8")]) from None
    return found
