"""What `sluice check` says: everything, with file and line."""

import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from sluice.errors import Invalid
from sluice.host.kinds import by_type, installed
from sluice_cli.check import checked, manifest_faults, warnings
from sluice_cli.manifest import read
from sluice_cli.schema import Async, Destination, Function, Manifest
from tests.house.documents import Block, blocks, documents

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").rglob("sluice.yaml"))
SHOWN = [block for page in documents(ROOT) for block in blocks(page) if block.language in ("yaml", "yml") and "functions:" in block.text]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_is_right(file: Path) -> None:
    assert checked(file).manifest.functions


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"{block.path.name}:{block.line}")
def test_every_file_that_the_documents_show_is_right_but_for_its_code(block: Block, tmp_path: Path) -> None:
    text = block.text
    file = tmp_path / "sluice.yaml"
    file.write_text(text)
    found = read(file, {"KAFKA_PASSWORD": "x", "DB_PASSWORD": "x"})
    assert found.faults == []
    faults = manifest_faults(found.manifest, tmp_path, by_type(installed()))
    assert [fault for fault in faults if not fault.field.endswith(".code")] == []


def said(folder: Path, text: str) -> list[str]:
    file = folder / "sluice.yaml"
    file.write_text(text)
    with pytest.raises(Invalid) as refused:
        checked(file)
    return [str(fault).removeprefix(f"{folder}/") for fault in refused.value.faults]


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.trigger_options.EXTRAS", {"LATER": "later"})  # a type whose extra is not installed
    lines = said(
        tmp_path,
        """\
functions:
  9bad:
    image: x
    memory: 100
  broken:
    image: x
    timout: 3
  other:
    image: x
    code: ./nowhere
    async: {retries: 9, on_failure: {function: "a b"}}
    environment: {RUNTIME_ROOT: "1", 1x: y}
    secrets: {A: "1"}
    triggers:
      - type: TIMER
        name: t
        schedule_type: Cron
        schedule: 61 * * * *
      - {type: TIMER, name: t, schedule_type: Rate, schedule: 3m, batch_size: 2}
      - {type: LATER}
      - {type: NOSUCH}
      - {name: x}
""",
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["sluice.yaml:2", "functions.9bad"],
        ["sluice.yaml:4", "functions.9bad.memory"],
        ["sluice.yaml:7", "functions.broken.timout"],
        ["sluice.yaml:10", "functions.other.code"],
        ["sluice.yaml:10", "functions.other.code"],
        ["sluice.yaml:11", "functions.other.async.retries"],
        ["sluice.yaml:11", "functions.other.async.on_failure.function"],
        ["sluice.yaml:12", "functions.other.environment.RUNTIME_ROOT"],
        ["sluice.yaml:12", "functions.other.environment.1x"],
        ["sluice.yaml:18", "functions.other.triggers.0.schedule"],
        ["sluice.yaml:19", "functions.other.triggers.1.batch_size"],
        ["sluice.yaml:19", "functions.other.triggers.1.name"],
        ["sluice.yaml:20", "functions.other.triggers.2.type"],
        ["sluice.yaml:21", "functions.other.triggers.3.type"],
        ["sluice.yaml:22", "functions.other.triggers.4.type"],
    ]
    assert 'pip install "sluice[later]"' in lines[12]


def test_a_file_without_functions_is_refused(tmp_path: Path) -> None:
    assert said(tmp_path, "functions: {}") == ["sluice.yaml:1: functions: names no function"]


def test_an_http_function_has_gateway_triggers_only(tmp_path: Path) -> None:
    text = "functions: {a: {image: x, http: true, triggers: [{type: TIMER, name: t, schedule_type: Rate, schedule: 3m}]}}"
    assert "HTTP function" in said(tmp_path, text)[0]


def test_one_path_has_one_trigger(tmp_path: Path) -> None:
    text = yaml.safe_dump({"functions": {name: {"image": "x", "triggers": [{"type": "APIG", "path": "/a"}]} for name in ("a", "b")}})
    assert [line.split(": ")[1] for line in said(tmp_path, text)] == ["functions.b.triggers.0.path"]


def test_limits_are_functiongraphs() -> None:
    assert rules(environment={f"K{number}": "v" for number in range(21)}) == ["has 21 items, more than 20"]
    assert rules(environment={"K": "v" * 5000}) == ["has 5009 characters, more than 4096"]
    assert len(rules(timeout=2, max_instances=1001, concurrency=0, init_timeout=301, description="x" * 513)) == 5


def test_what_the_platform_sets_is_refused_as_the_api_refuses_it() -> None:
    assert rules(secrets={"RUNTIME_MEMORY": "v", "RUNTIME_OWN": "v"}) == ["RUNTIME_MEMORY is set by the platform"]


def test_rules_are_told_beside_faults_of_the_shape(tmp_path: Path) -> None:
    lines = said(
        tmp_path,
        """\
functions:
  a:
    image: x
    memory: big
    timeout: 1
    colour: red
    async: {retries: 9, max_age: old}
    triggers: [{type: TIMER, name: t}]
""",
    )
    assert [line.split(": ")[1] for line in lines] == [
        "functions.a.memory",
        "functions.a.timeout",
        "functions.a.colour",
        "functions.a.async.max_age",
        "functions.a.async.retries",
        "functions.a.triggers.0.schedule_type",
        "functions.a.triggers.0.schedule",
    ]


def rules(**settings: Any) -> list[str]:
    manifest = msgspec.convert({"functions": {"a": {"image": "x", **settings}}}, Manifest)
    return [fault.rule for fault in manifest_faults(manifest, Path(), {})]


APIG = {"type": "APIG", "path": "/a"}


def fields(*triggers: dict[str, Any], **settings: Any) -> list[str]:
    manifest = msgspec.convert({"functions": {"a": {"image": "x", "triggers": list(triggers), **settings}}}, Manifest)
    return [fault.field.removeprefix("functions.a.triggers.") for fault in manifest_faults(manifest, Path(), by_type(installed()))]


@pytest.mark.parametrize(
    "trigger",
    [APIG | {"func_info": {"timeout": None}}, APIG | {"invoke_url": "http://127.0.0.1:8090/a"}, APIG | {"enabled": True}],
)
def test_what_the_api_takes_is_right(trigger: dict[str, Any]) -> None:
    assert fields(trigger) == []


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        (APIG | {"enabled": False}, "0.enabled"),
        (APIG | {"batch_size": 2}, "0.batch_size"),
        ({"type": "KAFKA", "kafka_connect_address": "k:9092", "topic_ids": ["a"], "linger": float("nan")}, "0.linger"),
        ({"type": "KAFKA", "kafka_connect_address": "k:9092", "topic_ids": ["a", 1]}, "0.topic_ids.1"),
    ],
)
def test_what_the_api_refuses_is_refused_by_the_same_name(trigger: dict[str, Any], field: str) -> None:
    assert fields(trigger) == [field]


def test_paths_that_differ_in_the_names_of_their_parameters_are_one() -> None:
    assert fields(APIG | {"path": "/a/{id}"}, APIG | {"path": "/a/{name}"}) == ["1.path"]


def test_an_http_function_is_called_synchronously() -> None:
    assert fields(APIG | {"func_info": {"invocation_type": "async"}}, http=True) == ["0.func_info.invocation_type"]


def test_versions_aliases_tags_and_reserved_instances_are_judged_too(tmp_path: Path) -> None:
    text = """
functions:
  a:
    image: x
    version: latest
    reserved: 1001
    tags: {"a b": x, ok: "?"}
    aliases:
      9: {version: v1}
      two: {version: v1, weight: {v2: 101, v3: 1}}
      both: {version: v1, weight: {v2: 1}, rules: {v2: [X-Grey=yes]}}
      same: {version: v1, weight: {v1: 1}}
      rule: {version: v1, rules: {v2: [nonsense]}, colour: red}
      any: {version: v1, any: true}
"""
    fields = [line.split(": ")[1] for line in said(tmp_path, text.replace("9:", "'9':"))]
    assert fields == [
        f"functions.a.{field}"
        for field in (
            "version",
            "reserved",
            "tags.a b",
            "tags.ok",
            "aliases.9",
            "aliases.two.weight",
            "aliases.two.weight.v2",
            "aliases.both.rules",
            "aliases.same.weight",
            "aliases.rule.colour",
            "aliases.rule.rules.v2.0",
            "aliases.any.any",
        )
    ]


@pytest.mark.parametrize(
    ("end", "key"),
    [
        ("{}", ""),
        ("{function: a, bucket: b}", ""),
        ("{bucket: b, expires: 366}", "expires"),
        ("{topic: t, prefix: p}", "prefix"),
        ("{function: 'a b'}", "function"),
        ("{rocketmq: {topic: t}}", "rocketmq"),
    ],
)
def test_a_destination_is_one_place_with_its_own_words(tmp_path: Path, end: str, key: str) -> None:
    (line,) = said(tmp_path, f"functions: {{a: {{image: x, async: {{on_success: {end}}}}}}}")
    assert line.split(": ")[1] == f"functions.a.async.on_success.{key}".rstrip(".")


def test_a_destination_that_nothing_is_sent_to_is_right_and_warned_of() -> None:
    config = Async(on_failure=Destination(bucket="ends", expires=7), on_success=Destination(stream="s"))
    warned = list(warnings(Manifest(functions={"a": Function(image="x", async_=config)})))
    assert [line.partition(": ")[0] for line in warned] == ["functions.a.async.on_success", "functions.a.async.on_failure"]


def test_a_handler_and_a_runtime_belong_together(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").touch()
    lines = """
    functions:
      bare: {code: code, handler: index.handler}
      both: {code: code, runtime: Python3.9, handler: index.handler, http: true, initialize: true}
      lost: {code: code, runtime: Python3.9, handler: main.handler, pre_stop: stop}
      none: {code: code, runtime: Python3.9}
      odd: {code: code, runtime: Ruby3.3, handler: index.handler, pre_stop: index.stop, pre_stop_timeout: 91}
      asks: {code: code, runtime: Custom, initializer: index.init}
      right: {code: code, runtime: Python3.12, handler: index.handler, initializer: index.init, pre_stop: index.stop}
    """
    told = "\n".join(said(tmp_path, textwrap.dedent(lines)))
    assert "right" not in told
    for expected in (
        "functions.bare.handler: is given with runtime only",
        "functions.both.http: is not given with runtime",
        "functions.both.initialize: is not given with runtime",
        "functions.lost.pre_stop: is 'stop', and is file.function for Python3.9",
        "has no main.py, in which the handler would be",
        "functions.none.handler: is '', and is file.function for Python3.9",
        "functions.asks.initializer: has no place in the runtime Custom",
        "bootstrap does not exist",
        "functions.odd.runtime: is 'Ruby3.3', and is one of Custom, Python3.6,",
        "functions.odd.pre_stop_timeout: is 91, and goes from 1 to 90",
    ):
        assert expected in told, told


def test_how_an_image_is_started_is_checked(tmp_path: Path) -> None:
    lines = """
    functions:
      right: {image: web, command: [/bin/sh, -c], args: [run], working_dir: /srv, uid: 101, gid: 65534}
      packed: {code: code, command: [run], uid: 101}
      comma: {image: web, args: ["a,b"]}
      folder: {image: web, working_dir: srv}
      root: {image: web, uid: 0, gid: 65535}
    """
    told = "\n".join(said(tmp_path, textwrap.dedent(lines)))
    assert "right" not in told
    for expected in (
        "functions.packed.command: is given with image only",
        "functions.packed.uid: is given with image only",
        "functions.comma.args: has a word with a comma",
        "functions.folder.working_dir: starts with /",
        "functions.root.uid: is 0, and is a number from -1 to 65534 except 0, 1000 and 1002",
        "functions.root.gid: is 65535, and is a number",
    ):
        assert expected in told, told
