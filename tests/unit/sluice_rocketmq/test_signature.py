"""What every request says of its sender."""

from sluice_rocketmq.signature import metadata


def test_without_a_key_nothing_is_signed() -> None:
    assert "authorization" not in dict(metadata("client", "", "", "", 0))


def test_the_moment_is_signed_with_the_secret_which_is_never_sent() -> None:
    told = dict(metadata("client", "n", "mine", "secret", 1_772_432_000))
    assert told["x-mq-date-time"] == "20260302T061320Z"
    assert told["authorization"] == (
        "MQv2-HMAC-SHA1 Credential=mine, SignedHeaders=x-mq-date-time, Signature=e2b8d00955b08ad7b57afe0d8b261e87fb56d2cd"
    )
    assert "secret" not in "".join(told.values())
