"""The examples of timers, HTTP and Kafka do what their pages say. Those of the other kinds are typed beside their own tests."""

import json
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.driver import Sluice
from tests.e2e.shell import Typed, commands, shell
from tests.servers import Kafka, require_runtime

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WITHIN_S = 60.0
HERE = "http://127.0.0.1:8090"


def copied(name: str, folder: Path, here: Mapping[str, str]) -> tuple[Path, list[str]]:
    """The example with these addresses in place of those it was written for, and its commands."""
    copy = Path(shutil.copytree(EXAMPLES / name, folder / name))
    for file in (copy / "sluice.yaml", copy / "README.md"):
        text = file.read_text()
        for there, address in here.items():
            text = text.replace(there, address)
        file.write_text(text)
    return copy, commands((copy / "README.md").read_text())


def until_told(typed: Typed, command: str, pattern: str, times: int = 1) -> list[str]:
    deadline = time.monotonic() + WITHIN_S
    while len(told := re.findall(pattern, typed(command))) < times:
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    return told


def delete(sluice: Sluice, name: str) -> None:
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:{name}")


def test_a_timer_and_a_url_call_a_function(sluice: Sluice, tmp_path: Path) -> None:
    folder, (apply, post, logs) = copied("hello", tmp_path, {HERE: sluice.credentials["endpoint"]})
    typed = shell(sluice, folder)
    typed(apply)
    assert json.loads(typed(post))["request_id"]
    until_told(typed, logs, r'"httpMethod"')
    until_told(typed, logs, r'"trigger_type":"TIMER"')
    delete(sluice, "hello")


def test_an_http_function_gets_the_request_as_it_was_sent(sluice: Sluice, tmp_path: Path) -> None:
    folder, (apply, post, show) = copied("web", tmp_path, {HERE: sluice.credentials["endpoint"]})
    typed = shell(sluice, folder)
    typed(apply)
    assert json.loads(typed(post)) == {"method": "POST", "path": "/web/any/path?a=1", "body": "a body"}
    assert "APIG" in typed(show)
    delete(sluice, "web")


def test_handlers_in_two_languages_greet(sluice: Sluice, tmp_path: Path) -> None:
    require_runtime("Node.js18.15")
    folder, (apply, python, node) = copied("handlers", tmp_path, {})
    typed = shell(sluice, folder)
    typed(apply)
    for name, invoke in (("python", python), ("node", node)):
        assert json.loads(typed(invoke))["message"] == f"hello {name}"
        until_told(typed, f"sluice logs greet-{name}", f"ready to greet(?s:.*)greeting {name}")
        delete(sluice, f"greet-{name}")


def test_records_of_a_topic_call_a_function(sluice: Sluice, kafka: Kafka, tmp_path: Path) -> None:
    topic = kafka.create_topic()
    own = {"127.0.0.1:9092": kafka.bootstrap, "topic_ids: [orders]": f"topic_ids: [{topic}]", 'p.produce("orders"': f'p.produce("{topic}"'}
    folder, (apply, produce, logs) = copied("orders", tmp_path, own)
    typed = shell(sluice, folder)
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":orders:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    typed(produce)
    assert sorted(map(int, until_told(typed, logs, r"order \{'id': (\d+)\}", 120))) == list(range(120))
    delete(sluice, "orders")
