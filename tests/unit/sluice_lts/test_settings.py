"""What is refused of an LTS trigger's settings."""

from typing import Any

import pytest

from sluice.errors import Invalid
from tests.unit.sluice_lts.samples import OWN, made


def faults(**changes: Any) -> set[str]:
    with pytest.raises(Invalid) as refused:
        made(**changes)
    return {fault.field for fault in refused.value.faults}


def test_group_and_stream_are_the_topic() -> None:
    assert made().topic == f"{OWN['log_group_id']}/{OWN['log_topic_id']}"
    assert faults(log_group_id="a/b", log_topic_id="c/d") == {"log_group_id", "log_topic_id"}


def test_secrets_are_not_shown() -> None:
    shown = repr(made(push_token="secret-1", tls_certificate="c", tls_key="secret-2"))
    assert "secret" not in shown
    assert "***" in shown


def test_files_are_named_absolutely_and_once() -> None:
    assert faults(files=["a.log"]) == {"files"}
    assert faults(files=["/var/log/a", "/var/log/a"]) == {"files"}
    assert made(files=["/var/log/a", "/var/log/b"]).files == ["/var/log/a", "/var/log/b"]


@pytest.mark.parametrize("field", ["otlp_listen", "syslog_udp", "syslog_tcp", "syslog_tls"])
@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:0", "127.0.0.1:1,127.0.0.1:2"])
def test_where_to_listen_is_one_address(field: str, address: str) -> None:
    assert field in faults(**{field: address})


@pytest.mark.parametrize("field", ["otlp_listen", "syslog_udp", "syslog_tcp"])
@pytest.mark.parametrize("address", ["127.0.0.1:5140", "[::1]:5140", "localhost:5140"])
def test_on_loopback_nothing_more_is_asked_for(field: str, address: str) -> None:
    made(**{field: address})


@pytest.mark.parametrize("address", ["0.0.0.0:5140", "[::]:5140", "192.0.2.1:5140", "logs.example:5140"])
def test_what_listens_beyond_loopback_knows_its_senders(address: str) -> None:
    assert faults(syslog_udp=address) == {"syslog_networks"}
    assert faults(syslog_tcp=address) == {"syslog_networks"}
    assert faults(syslog_tls=address, tls_certificate="c", tls_key="k") == {"tls_client_ca"}
    assert faults(otlp_listen=address) == {"tls_certificate"}
    assert faults(otlp_listen=address, push_token="t") == {"tls_certificate"}
    assert faults(otlp_listen=address, tls_certificate="c", tls_key="k") == {"tls_certificate"}
    made(syslog_udp=address, syslog_tcp=address, syslog_networks=["192.0.2.0/24", "2001:db8::/32"])
    made(otlp_listen=address, tls_certificate="c", tls_key="k", push_token="t")
    made(otlp_listen=address, syslog_tls=address, tls_certificate="c", tls_key="k", tls_client_ca="a")


def test_tls_needs_its_parts() -> None:
    assert faults(syslog_tls="127.0.0.1:6514") == {"tls_certificate"}
    assert faults(tls_certificate="c") == {"tls_key"}
    assert faults(tls_client_ca="a") == {"tls_certificate"}


def test_a_network_is_one() -> None:
    assert faults(syslog_networks=["192.0.2.1/24"]) == {"syslog_networks"}
