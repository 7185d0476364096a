"""What is pushed: whose form it has, what it is called, and what is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import Invalid
from sluice_cts.reading import MOST_TRACES, read
from tests.unit.sluice_cts.samples import DEPLOYMENT, HEALTH, SERVER, TRACE


def names(sent: Any) -> list[str]:
    return [named.name for named in read(json.dumps(sent).encode())]


def test_every_stage_of_a_request_is_a_trace_of_its_own() -> None:
    stages = [DEPLOYMENT | {"stage": stage} for stage in ("RequestReceived", "ResponseComplete", "ResponseComplete")]
    first, second, again = names({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": stages})
    assert first != second == again
    assert second.startswith(DEPLOYMENT["auditID"])


@pytest.mark.parametrize(
    "sent", [[DEPLOYMENT, SERVER, TRACE], [HEALTH], SERVER, {"cts": TRACE}, {"event_type": "x", "payload": SERVER}, []]
)
def test_lists_and_envelopes_of_every_form_are_read(sent: Any) -> None:
    assert len(names(sent)) == (len(sent) if isinstance(sent, list) else 1)


def test_a_trace_in_milliseconds_with_its_code_as_a_text_is_the_same_trace() -> None:
    same = TRACE | {"time": 1772432000123, "record_time": 1772432001456, "code": "204"}
    assert read(json.dumps(same).encode()) == read(json.dumps(TRACE).encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body: is not JSON"),
        (b"\xff\xfe", "body: is not JSON"),
        (b"[" * 100_000, "body: is nested too deeply"),
        (b"3", r"\[0\]: is not an object"),
        (json.dumps([TRACE, {"auditID": "1"}]).encode(), r"\[1\]: Object missing required field `stage`"),
        (json.dumps(TRACE | {"trace_status": "odd"}).encode(), "trace_status"),
        (json.dumps(TRACE | {"time": "soon"}).encode(), "time"),
        (json.dumps(SERVER | {"eventTime": "soon"}).encode(), r"\[0\]: holds a time that is none"),
        (json.dumps(SERVER | {"eventTime": "2026-03-02T07:11:40"}).encode(), "has no offset"),
        (json.dumps(DEPLOYMENT | {"stageTimestamp": ""}).encode(), "holds a time that is none"),
        (json.dumps([1] * (MOST_TRACES + 1)).encode(), f"at most {MOST_TRACES}"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(body: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(body)


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_whatever_is_sent_is_read_or_refused(sent: object) -> None:
    for form in (sent, DEPLOYMENT | {"user": sent}, SERVER | {"target": sent, "reason": sent}, TRACE | {"user": sent, "code": sent}):
        with suppress(Invalid):
            read(json.dumps(form).encode())
