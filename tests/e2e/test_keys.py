"""Keys end at once, and where nonces are required nothing is taken twice; in one process and as a mesh."""

import http.client
import json
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sluice.signature import sign
from tests.e2e.driver import SLUICE, Sluice

WITHIN_S = 1.0


def command(sluice: Sluice, *words: str) -> Any:
    done = subprocess.run([str(SLUICE), *words, "--data", str(sluice.data)], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout) if "json" in words else done.stdout


def ask(sluice: Sluice, headers: dict[str, str], method: str = "GET", path: str = "", body: bytes = b"") -> tuple[int, dict[str, str]]:
    address = urlsplit(sluice.credentials["endpoint"]).netloc
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path or f"/v2/{sluice.project}/fgs/functions", body or None, {"Host": address, **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def signed(sluice: Sluice, key: dict[str, Any]) -> dict[str, str]:
    """Headers of a request for the list of functions, now."""
    token = {"X-Security-Token": key["security_token"]} if "security_token" in key else {}
    headers = {"Host": urlsplit(sluice.credentials["endpoint"]).netloc, **token}
    path = f"/v2/{sluice.project}/fgs/functions"
    return token | sign(key["access_key"], key["secret_key"], "GET", path, headers, now=time.time())


def test_a_revoked_key_and_its_token_are_refused_within_a_second(sluice: Sluice) -> None:
    for more in ((), ("--ttl", "1h")):
        key = command(sluice, "keys", "create", "--role", "reader", *more, "-o", "json")
        shown = [signed(sluice, key)]
        if not more:
            pair = {"access": {"key": key["access_key"]}, "secret": {"key": key["secret_key"]}}
            body = json.dumps({"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}).encode()
            status, headers = ask(sluice, {}, "POST", "/v3/auth/tokens", body)
            assert status == 201
            shown.append({"X-Auth-Token": headers["x-subject-token"]})
        assert [ask(sluice, headers)[0] for headers in shown] == [200] * len(shown)
        sluice.send("DELETE", f"/sluice/v1/{sluice.project}/keys/{key['access_key']}")
        revoked = time.monotonic()
        for headers in shown:
            while ask(sluice, headers)[0] != 401:
                assert time.monotonic() - revoked < WITHIN_S


def test_keys_and_their_ends_outlive_a_restart(sluice: Sluice) -> None:
    kept = command(sluice, "keys", "create", "--role", "reader", "-o", "json")
    ended = command(sluice, "keys", "create", "--role", "reader", "-o", "json")
    command(sluice, "keys", "revoke", ended["access_key"], "--yes")
    made = command(sluice, "projects", "create", f"shop-{kept['access_key'][-6:]}", "-o", "json")
    sluice.stop()
    sluice.start()
    assert ask(sluice, signed(sluice, kept))[0] == 200
    assert ask(sluice, signed(sluice, ended))[0] == 401
    assert ask(sluice, signed(sluice, made["key"]))[0] == 404  # known, but of another project
    assert made["project"]["name"] in command(sluice, "projects", "list")


@pytest.mark.parametrize("mesh", [False, True], ids=["one process", "mesh"])
def test_where_nonces_are_required_a_request_is_taken_once(mesh: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="sluice-e2e-", dir="/var/tmp") as folder:
        strict = Sluice(Path(folder) / "data", mesh=mesh, environment={"SLUICE_REQUIRE_NONCE": "true"})
        try:
            strict.start()
            path = f"/v2/{strict.project}/fgs/functions"
            nonce = {"X-Sluice-Nonce": secrets.token_hex(8)}
            about = {"Host": urlsplit(strict.credentials["endpoint"]).netloc, **nonce}
            pair = strict.credentials["access_key"], strict.credentials["secret_key"]
            headers = nonce | sign(*pair, "GET", path, about, now=time.time())
            assert [ask(strict, headers)[0] for _ in range(2)] == [200, 401]
            assert strict.send("GET", path)[0] == 401
            for _ in range(2):
                assert command(strict, "keys", "list", "-o", "json")
        finally:
            strict.close()
