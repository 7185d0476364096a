"""What `event_data` of DIS may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_dis.settings import DisSettings

LEAST: dict[str, Any] = {
    "stream_name": "clicks",
    "sharditerator_type": "LATEST",
    "endpoint": "http://127.0.0.1:4566",
    "access_key": "sluice",
    "secret_key": "sluice-secret",
}


def settings(**changes: Any) -> DisSettings:
    return msgspec.convert(LEAST | changes, DisSettings)


def test_the_least_is_a_stream_where_to_begin_an_endpoint_and_keys() -> None:
    assert (settings().batch_size, settings().interval_s, settings().serial) == (1, 1.0, False)


@pytest.mark.parametrize(("given", "serial"), [("true", True), ("false", False), (True, True), (False, False)])
def test_is_serial_is_a_text_or_a_truth_value(given: object, serial: bool) -> None:
    assert settings(is_serial=given).serial is serial


@pytest.mark.parametrize(("interval", "unit", "seconds"), [(30, "s", 30.0), (250, "ms", 0.25)])
def test_an_interval_has_a_unit(interval: int, unit: str, seconds: float) -> None:
    assert settings(polling_interval=interval, polling_unit=unit).interval_s == seconds


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint": "127.0.0.1:4566"}, "endpoint"),
        ({"endpoint": "http://a:99999"}, "endpoint"),
        ({"endpoint": "ftp://a"}, "endpoint"),
        ({"tls_ca": "/ca.pem"}, "tls_ca"),
        ({"polling_interval": 3601}, "polling_interval"),
        ({"sharditerator_type": "AT_TIMESTAMP"}, "start_timestamp"),
        ({"start_timestamp": 1}, "start_timestamp"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        DisSettings(**(LEAST | changes))
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0},
        {"batch_size": 10_001},
        {"max_fetch_bytes": 1023},
        {"max_fetch_bytes": 4 * 1024 * 1024 + 1},
        {"polling_interval": 0},
        {"polling_unit": "m"},
        {"is_serial": "yes"},
        {"sharditerator_type": "EARLIEST"},
        {"stream_name": ""},
        {"stream_name": "a/b"},
        {"access_key": ""},
        {"no_such": 1},
    ],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        DisSettings(**(LEAST | {"endpoint": "x", "polling_interval": 9999, "start_timestamp": 5}))
    assert {fault.field for fault in refused.value.faults} == {"endpoint", "polling_interval", "start_timestamp"}


def test_a_secret_is_never_shown() -> None:
    assert "sluice-secret" not in repr(settings())
