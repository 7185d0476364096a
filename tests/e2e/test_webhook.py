"""Webhooks as GitHub sends them, from the door to the function: proved, accepted once, filtered, and none of it shown."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.driver import SLUICE, Sluice

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhook"
SECRET = "It's a Secret to Everybody"
NEW_SECRET = "another secret of some length"
WITHIN_S = 60.0


class Example:
    """The example's folder, and what its page has one type in it."""

    def __init__(self, sluice: Sluice, folder: Path) -> None:
        self.sluice = sluice
        self.folder = shutil.copytree(EXAMPLE, folder)
        page = (folder / "README.md").read_text()
        self.apply, self.send, self.logs = (line[2:] for line in page.splitlines() if line.startswith("$ "))

    def typed(self, command: str) -> "subprocess.CompletedProcess[str]":
        path = f"{SLUICE.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        endpoint = self.sluice.credentials["endpoint"]
        environment = {**os.environ, "PATH": path, "SLUICE_DATA": str(self.sluice.data), "SLUICE_ENDPOINT": endpoint}
        return subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )

    def told(self, command: str) -> str:
        done = self.typed(command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    @property
    def trigger(self) -> str:
        (trigger,) = [row["trigger_id"] for row in self.sluice.ours("/triggers")["triggers"] if ":hook:" in row["function_urn"]]
        return str(trigger)

    def until_logged(self, *lines: str) -> None:
        """Each of them once."""
        deadline = time.monotonic() + WITHIN_S
        while [line for line in lines if line not in (logged := self.told(self.logs))]:
            assert time.monotonic() < deadline, logged
            time.sleep(0.1)
        assert {line: logged.count(line) for line in lines} == dict.fromkeys(lines, 1), logged

    def post(self, delivery: str, secret: str) -> int:
        body = json.dumps({"action": "opened", "issue": {"title": delivery}}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "issues", "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": f"sha256={signature}"}
        return self.sluice.send("POST", "/hooks/github", body, signed=False, headers=headers)[0]


@pytest.fixture
def example(sluice: Sluice, tmp_path: Path) -> Iterator[Example]:
    example = Example(sluice, tmp_path / "webhook")
    example.told(example.apply)
    sluice.until_state(example.trigger, "running")
    yield example
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:hook")


def test_the_example_does_what_its_page_says(sluice: Sluice, example: Example) -> None:
    answers = {example.told(example.send) for _ in range(2)}
    assert len(answers) == 1, "a delivery that comes again is answered the same"
    assert "202" in answers.pop()
    assert "202" in example.told(example.send.replace("opened", "closed").replace("delivery-1", "delivery-2"))
    example.until_logged("issues opened It does not work")
    row = sluice.counts(example.trigger)
    assert (row["received"], row["filtered"]) == (1, 1), row
    (example.folder / "secret").write_text("not the secret")
    refused = example.typed(example.send)
    assert "HTTP Error 401" in refused.stderr, refused.stderr


def test_a_secret_is_changed_without_losing_a_delivery_and_never_shown(sluice: Sluice, example: Example) -> None:
    assert example.post("d-1", SECRET) == 202
    yaml = example.folder / "sluice.yaml"
    before = yaml.read_text()
    (example.folder / "new").write_text(NEW_SECRET)
    yaml.write_text(before.replace("secret: {file: secret}", "secret: {file: new}, previous_secret: {file: secret}"))
    example.told(example.apply)
    assert [example.post("d-2", SECRET), example.post("d-3", NEW_SECRET), example.post("d-4", "neither of them")] == [202, 202, 401]
    yaml.write_text(before.replace("file: secret", "file: new"))
    example.told(example.apply)
    assert [example.post("d-5", SECRET), example.post("d-6", NEW_SECRET)] == [401, 202]
    example.until_logged(*(f"issues opened d-{number}" for number in (1, 2, 3, 6)))
    assert sluice.counts(example.trigger)["received"] == 4
    urn = f"urn:fss:local-1:{sluice.project}:function:default:hook:latest"
    shown = json.dumps(sluice.api("GET", f"/fgs/triggers/{urn}")) + example.told("sluice get triggers -o json") + sluice.log.read_text()
    assert "/hooks/github" in shown
    assert [secret for secret in (SECRET, NEW_SECRET) if secret in shown] == []
