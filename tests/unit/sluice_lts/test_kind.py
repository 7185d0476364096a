"""What the mesh is told of the kind."""

import builtins
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.trigger_options import judge
from sluice_lts import KIND
from sluice_lts.shape import shape
from tests.unit.sluice_lts.samples import OWN, made

BINDING = Binding("t1", "p1", "LTS", "lts", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def test_it_serves_functiongraphs_type_and_creates_it_active() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled, KIND.fixed, KIND.pushed) == ("lts", ("LTS",), frozenset(), frozenset(), True)


def test_another_stream_is_another_source() -> None:
    assert KIND.source_of(made()) != KIND.source_of(made(log_topic_id="other"))
    assert KIND.source_of(made()) == KIND.source_of(made(files=["/var/log/a"], push_token="t"))


def test_many_logs_share_an_event_without_being_asked() -> None:
    assert judge(KIND, "LTS", OWN).options.batch_size == 1000
    assert judge(KIND, "LTS", {**OWN, "batch_size": 1, "filter": {"severity": "ERROR"}}).options.batch_size == 1


def test_its_sample_has_an_event() -> None:
    assert b'{"lts":' in shape(BINDING, made(), [KIND.sample(made())])


@pytest.mark.parametrize("driver", ["cramjam", "opentelemetry"])
def test_a_missing_driver_names_the_extra(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith((driver, "sluice_lts.trigger")):
            raise ModuleNotFoundError(f"No module named '{driver}'", name=driver)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=rf'{driver}: pip install "sluice\[lts\]"'):
        KIND.build(BINDING, made())
