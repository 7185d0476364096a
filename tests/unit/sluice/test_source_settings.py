"""What the settings of all sources have in common."""

import msgspec
import pytest

from sluice.source_settings import SourceSettings


class Settings(SourceSettings, frozen=True, kw_only=True):
    hidden = frozenset({"password"})

    address: str = "a:1"
    password: str = ""


def test_a_secret_is_not_shown_but_whether_there_is_one_is() -> None:
    assert repr(Settings(password="geheim")) == "Settings(address='a:1', password='***')"
    assert repr(Settings()) == "Settings(address='a:1', password='')"


def test_a_key_that_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="passwort"):
        msgspec.json.decode(b'{"passwort": "x"}', type=Settings)
