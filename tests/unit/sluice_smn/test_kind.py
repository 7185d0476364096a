"""What the mesh is told of the kind."""

import builtins
from typing import Any

import pytest

from sluice.binding import Binding, Mode
from sluice.errors import ConfigurationError
from sluice_smn import KIND
from sluice_smn.settings import SmnSettings
from tests.smn import TOPIC, URN

BINDING = Binding("t1", "p1", "SMN", "smn", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def test_it_is_created_active_cannot_be_disabled_and_is_asynchronous() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled) == ("smn", ("SMN",), frozenset())
    assert (KIND.fixed, KIND.modes, KIND.pushed, KIND.replayable) == (frozenset({"SMN"}), (Mode.ASYNC,), True, False)


def test_another_topic_is_another_source_whatever_else_changes() -> None:
    source = KIND.source_of(SmnSettings(topic_urn=URN))
    assert source != KIND.source_of(SmnSettings(topic_urn=TOPIC))
    assert source == KIND.source_of(SmnSettings(topic_urn=URN, push_token="new", batch_size=5, max_age_s=60))


def test_its_sample_becomes_an_event() -> None:
    settings = SmnSettings(topic_urn=URN)
    assert b'"message":"{\\"hello\\":\\"world\\"}"' in KIND.shape(BINDING, settings, [KIND.sample(settings)])


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("aiohttp", "sluice_smn.web_aiohttp")):
            raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'aiohttp: pip install "sluice\[smn\]"'):
        KIND.build(BINDING, SmnSettings(topic_urn=URN))
