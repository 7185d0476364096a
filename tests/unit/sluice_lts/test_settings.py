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
    shown = repr(made(push_token="secret-1"))
    assert "secret" not in shown
    assert "***" in shown


def test_files_are_named_absolutely_and_once() -> None:
    assert faults(files=["a.log"]) == {"files"}
    assert faults(files=["/var/log/a", "/var/log/a"]) == {"files"}
    assert made(files=["/var/log/a", "/var/log/b"]).files == ["/var/log/a", "/var/log/b"]
