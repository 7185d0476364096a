"""Whose addresses are asked for anything."""

import pytest

from sluice_smn.hosts import Hosts, moved

HOSTS = Hosts(["sns.eu-west-1.amazonaws.com", "topics.example:8443", "http://127.0.0.1:5000", "[::1]:9"])


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com/a.pem",
        "https://SNS.eu-west-1.amazonaws.com:443/?Action=ConfirmSubscription&Token=1",
        "https://topics.example:8443/a.pem",
        "http://127.0.0.1:5000/a.pem",
        "https://[::1]:9/a.pem",
    ],
)
def test_an_address_at_a_named_host_is_admitted(url: str) -> None:
    assert HOSTS.admits(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.pem",
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://evil.example#sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com#@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/a.pem",
        "https://evil.example/https://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.s3.amazonaws.com/a.pem",
        "https://topics.example/a.pem",
        "https://127.0.0.1:5000/a.pem",
        "http://127.0.0.1/a.pem",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://sns.eu-west-1.amazonaws.com/a b.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem\r\nX: y",
        "https://sns.eu-west-1.amazonaws.com/ä.pem",
        "https://topics.example:99999/a.pem",
    ],
)
def test_any_other_is_not(url: str) -> None:
    assert not HOSTS.admits(url)


def test_a_path_is_asked_for_at_another_place() -> None:
    assert moved("https://sns.r.amazonaws.com/?Action=A&Token=%2F", "http://127.0.0.1:5000/") == "http://127.0.0.1:5000/?Action=A&Token=%2F"
    assert moved("https://sns.r.amazonaws.com", "http://127.0.0.1:5000") == "http://127.0.0.1:5000/"
