"""Auth tokens: sealed by the secret of their key."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.auth_token import LIFETIME_S, AuthToken, TokenExpired, TokenRefused, issue, verify
from sluice.catalog import Key

NOW = 1_790_000_000.0
KEY = Key("SL1", "its secret", "p1", "deployer")


def key_of(access_key: str) -> Key | None:
    return KEY if access_key == KEY.access_key else None


def test_a_token_names_its_key_for_24_hours_and_no_longer() -> None:
    text, token = issue(KEY, NOW)
    assert token == AuthToken("SL1", NOW, NOW + LIFETIME_S)
    assert verify(text, key_of, NOW + LIFETIME_S - 1) == KEY
    with pytest.raises(TokenExpired):
        verify(text, key_of, NOW + LIFETIME_S)
    assert KEY.secret_key not in text
    assert b"secret" not in base64.urlsafe_b64decode(text.partition(".")[0] + "==")


def test_a_token_does_not_outlive_its_key() -> None:
    _, token = issue(Key("SL1", "s", "p1", expires=NOW + 60), NOW)
    assert token.expires == NOW + 60


def test_a_revoked_key_and_another_secret_end_a_token_in_the_same_words() -> None:
    text, _ = issue(KEY, NOW)
    with pytest.raises(TokenRefused) as revoked:
        verify(text, lambda _: None, NOW)
    with pytest.raises(TokenRefused) as changed:
        verify(text, lambda _: Key("SL1", "another", "p1"), NOW)
    assert str(revoked.value) == str(changed.value)


@given(st.integers(0, 1000), st.integers(1, 127))
def test_any_other_character_is_refused(at: int, by: int) -> None:
    text, _ = issue(KEY, NOW)
    at %= len(text)
    changed = text[:at] + chr(ord(text[at]) ^ by) + text[at + 1 :]
    with pytest.raises(TokenRefused):
        verify(changed, key_of, NOW)


@given(st.text(max_size=600))
def test_any_text_is_refused_and_never_a_crash(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text, key_of, NOW)


def test_the_holder_of_a_secret_cannot_make_a_token_that_lasts_longer() -> None:
    import hashlib
    import hmac

    def made(token: AuthToken) -> str:
        claims = msgspec.json.encode(token)
        seal = hmac.digest(KEY.secret_key.encode(), b"sluice auth token\0" + claims, hashlib.sha256)
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (claims, seal))

    assert verify(made(AuthToken("SL1", NOW, NOW + 10)), key_of, NOW) == KEY
    for issued, expires in ((NOW, NOW + 10 * LIFETIME_S), (NOW, float("1e18")), (NOW + 10, NOW - 10)):
        with pytest.raises(TokenExpired):
            verify(made(AuthToken("SL1", issued, expires)), key_of, NOW)
