"""What an APIG trigger may say."""

from pathlib import Path

import msgspec
import pytest
import yaml

from sluice.binding import Mode
from sluice.errors import Invalid
from sluice_gateway import KIND
from sluice_gateway.limits import MIB, Limits
from sluice_gateway.settings import RESERVED, ApigSettings, FuncInfo


def decoded(text: str) -> ApigSettings:
    return msgspec.json.decode(text, type=ApigSettings)


def test_a_path_is_enough() -> None:
    settings = decoded('{"path": "/orders"}')
    assert settings.match_mode == "NORMAL"
    assert settings.req_method == "ANY"
    assert settings.env_name == "RELEASE"
    assert settings.timeout_s == 5.0
    assert settings.mode is Mode.SYNC


def test_who_says_nothing_about_auth_gets_a_closed_door() -> None:
    assert decoded('{"path": "/orders"}').auth == "IAM"


def test_all_of_functiongraphs_fields_are_understood() -> None:
    settings = decoded(
        '{"name":"api","group_id":"g","group_name":"gn","env_id":"e","env_name":"RELEASE","auth":"APP","protocol":"HTTPS","path":"/a/{id}",'
        '"match_mode":"SWA","req_method":"POST","type":1,"backend_type":"FUNCTION","sl_domain":"x.example.org",'
        '"func_info":{"timeout":60000,"invocation_type":"async","function_urn":"urn:fss:r:p:function:default:f","version":"latest"}}'
    )
    assert settings.timeout_s == 60.0
    assert settings.mode is Mode.ASYNC


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"name": "x"}', "path"),
        ('{"path": "/a", "colour": 1}', "colour"),
        ('{"path": "/a", "func_info": {"time": 1}}', "time"),
        ('{"path": 1}', "path"),
        ('{"path": "/a", "auth": "BASIC"}', "auth"),
        ('{"path": "/a", "match_mode": "PREFIX"}', "match_mode"),
        ('{"path": "/a", "req_method": "TRACE"}', "req_method"),
        ('{"path": "/a", "protocol": "FTP"}', "protocol"),
        ('{"path": "/a", "type": 3}', "type"),
        ('{"path": "/a", "backend_type": "HTTP"}', "backend_type"),
        ('{"path": "/a", "func_info": {"timeout": 0}}', "timeout"),
        ('{"path": "/a", "func_info": {"timeout": 60001}}', "timeout"),
        ('{"path": "/a", "func_info": {"invocation_type": "later"}}', "invocation_type"),
    ],
)
def test_what_is_missing_unknown_or_wrong_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        decoded(text)


@pytest.mark.parametrize("reserved", RESERVED)
@pytest.mark.parametrize("below", ["", "/", "/below"])
def test_the_gateways_own_paths_cannot_be_taken(reserved: str, below: str) -> None:
    with pytest.raises(Invalid, match=reserved):
        ApigSettings(path=reserved + below)


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/v2x", "/a/{id}", "/a/{id}/b/{other}", "/a.b~c-d_e", "/käse", "/a:b@c"])
def test_these_are_paths(path: str) -> None:
    assert ApigSettings(path=path).path == path


@pytest.mark.parametrize(
    "path",
    ["", "a", "//", "/a//b", "/a?b", "/a#b", "/a b", "/a/{id", "/a/x{id}", "/a/{}", "/a/{1}", "/a/..", "/./a", "/%41", "/" + "a" * 512],
)
def test_these_are_not(path: str) -> None:
    with pytest.raises(Invalid):
        ApigSettings(path=path)


def test_every_fault_of_a_path_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        ApigSettings(path="/v2/a b/{id}/{id}")
    assert len(caught.value.faults) == 3


def test_the_kind_serves_all_gateway_types_and_cannot_be_disabled() -> None:
    assert set(KIND.types) == KIND.fixed == {"APIG", "APIC", "DEDICATEDGATEWAY"}
    assert KIND.modes == (Mode.SYNC, Mode.ASYNC)
    assert not KIND.replayable


PAGE = (Path(__file__).parents[3] / "docs" / "apig.md").read_text()


def test_the_page_names_every_setting_and_every_path_that_is_taken() -> None:
    names = {f"`{field.name}`" for field in msgspec.structs.fields(ApigSettings)} - {"`func_info`"}
    names |= {f"`func_info.{field.name}`" for field in msgspec.structs.fields(FuncInfo)}
    names |= {f"`{path}`" for path in RESERVED}
    assert {name for name in names if name not in PAGE} == set()


def test_the_trigger_of_the_page_is_one() -> None:
    example = yaml.safe_load(PAGE.partition("```yaml\n")[2].partition("```")[0])
    (trigger,) = example["functions"]["orders"]["triggers"]
    assert trigger.pop("type") in KIND.types
    assert msgspec.convert(trigger, ApigSettings).timeout_s == 3.0


def test_the_limits_of_the_page_are_the_limits() -> None:
    limits = Limits()
    told = (limits.trigger_body, limits.header, limits.held, limits.connections)
    assert told == (4 * MIB, 64 * 1024, 256 * MIB, 4096)
    assert (limits.header_timeout_s, limits.body_grace_s, limits.body_rate) == (10, 15, 16 * 1024)
    assert (limits.idle_timeout_s, limits.write_timeout_s, limits.shutdown_s) == (75, 30, 8)
