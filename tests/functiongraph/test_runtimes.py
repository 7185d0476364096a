"""Handlers in the runtimes that bring no server of their own: made, changed, called and refused through the unmodified SDK."""

import base64
import json
from typing import Any

import pytest

from tests.e2e.driver import FUNCTIONS, zipped
from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy
from tests.functiongraph.test_invocations import until_state
from tests.functiongraph.test_transfer import exported
from tests.servers import require_runtime

PYTHON = "def handler(event, context):\n    print('called')\n    return {'said': event, 'by': context.getFunctionName()}\n"
NODE = "exports.handler = async (event, context) => { console.log('called'); return {said: event, by: context.getFunctionName()}; };\n"
SOURCES = {"Python3.9": PYTHON, "Node.js18.15": NODE}


def inline(source: str) -> dict[str, Any]:
    return {"code_type": "inline", "func_code": {"file": base64.b64encode(source.encode()).decode()}}


def of(runtime: str, **settings: Any) -> dict[str, Any]:
    require_runtime(runtime)
    return {"runtime": runtime, "handler": "index.handler", "code_filename": "", **settings}


@pytest.mark.parametrize("runtime", SOURCES)
def test_a_source_of_one_file_is_called_with_its_log(sdk: Sdk, deploy: Deploy, name: str, runtime: str) -> None:
    urn = deploy(**of(runtime, func_name=name, **inline(SOURCES[runtime])))
    answer = sdk("invoke_function", function_urn=urn, body={"a": "ключ"}, x_cff_log_type="tail")
    assert (answer.status, json.loads(answer.result)) == (200, {"said": {"a": "ключ"}, "by": name})
    assert "called" in answer.log
    shown = sdk("show_function_config", function_urn=urn)
    assert (shown.runtime, shown.handler, shown.code_type) == (runtime, "index.handler", "inline")


def test_other_code_replaces_the_instances(sdk: Sdk, deploy: Deploy) -> None:
    urn = deploy(**of("Python3.9", **inline(PYTHON)))
    assert json.loads(sdk("invoke_function", function_urn=urn, body={}).result)["said"] == {}
    sdk("update_function_code", function_urn=urn, body=inline("def handler(event, context):\n    return 'another'\n"))
    assert sdk("invoke_function", function_urn=urn, body={}).result == "another"
    package = base64.b64encode(zipped(FUNCTIONS / "handled")).decode()
    sdk("update_function_code", function_urn=urn, body={"code_type": "zip", "func_code": {"file": package}})
    assert json.loads(sdk("invoke_function", function_urn=urn, body={"n": 1}).result) == {"got": {"n": 1}}


def test_what_came_in_as_one_source_is_exported_as_a_package_and_comes_back(sdk: Sdk, deploy: Deploy, name: str) -> None:
    urn = deploy(**of("Python3.9", func_name=name, **inline(PYTHON)))
    digest = sdk("show_function_config", function_urn=urn).digest
    file = exported(sdk, urn, config=True, code=True)
    sdk("delete_function", function_urn=urn)
    body = {"func_name": name, "file_name": f"{name}.zip", "file_type": "zip", "file_code": base64.b64encode(file).decode()}
    assert sdk("import_function", body=body).digest == digest
    assert json.loads(sdk("invoke_function", function_urn=urn, body={"n": 1}).result)["said"] == {"n": 1}


@pytest.mark.parametrize("runtime", SOURCES)
def test_an_initializer_runs_before_any_call_and_once(sdk: Sdk, deploy: Deploy, runtime: str) -> None:
    package = base64.b64encode(zipped(FUNCTIONS / "handled")).decode()
    hooks = {"initializer_handler": "index.initializer", "pre_stop_handler": "index.pre_stop"}
    within = {"initializer_timeout": 20, "pre_stop_timeout": 5}
    urn = deploy(**of(runtime, func_code={"file": package}, user_data='{"COLOUR": "blue"}', **hooks, **within))
    tells = [json.loads(sdk("invoke_function", function_urn=urn, body={"do": "tell"}).result) for _ in range(3)]
    assert [(len(told["started"]), told["user"]) for told in tells] == [(1, "blue")] * 3


@pytest.mark.parametrize("runtime", SOURCES)
def test_what_a_handler_raises_is_the_answer(sdk: Sdk, deploy: Deploy, runtime: str) -> None:
    package = base64.b64encode(zipped(FUNCTIONS / "handled")).decode()
    urn = deploy(**of(runtime, func_code={"file": package}))
    answer = sdk("invoke_function", function_urn=urn, body={"do": "fail"}, x_cff_request_version="v1", x_cff_log_type="tail")
    told = json.loads(answer.result)
    assert (answer.status, told["errorType"], told["errorMessage"]) == (500, "ValueError", "it fails: ☃")
    assert "ValueError: it fails" in answer.log


def test_a_custom_program_asks_for_its_calls(sdk: Sdk, deploy: Deploy) -> None:
    package = base64.b64encode(zipped(FUNCTIONS / "custom")).decode()
    urn = deploy(runtime="Custom", handler="-", func_code={"file": package})
    assert json.loads(sdk("invoke_function", function_urn=urn, body={"n": 1}).result)["got"] == {"n": 1}
    failed = sdk("invoke_function", function_urn=urn, body={"do": "fail"}, x_cff_request_version="v1")
    assert (failed.status, json.loads(failed.result)) == (500, {"errorMessage": "it fails"})
    accepted = sdk("async_invoke_function", function_urn=urn, body={"n": 2})
    assert until_state(sdk, urn, accepted.request_id, "SUCCESS").error_code == 0
    left = sdk("invoke_function", function_urn=urn, body={"do": "leave"}, x_cff_request_version="v1")
    assert left.status >= 400
    assert json.loads(sdk("invoke_function", function_urn=urn, body={"n": 3}).result)["got"] == {"n": 3}


def test_what_cannot_run_is_refused_with_the_reason(sdk: Sdk, new_function: dict[str, Any]) -> None:
    def refused(code: str, **settings: Any) -> str:
        return str(sdk.refused("create_function", code, 400, body=new_function | settings).error_msg)

    assert "index.py" in refused("FSS.1011", **of("Python3.9"))
    assert "index.js or index.cjs or index.mjs" in refused("FSS.1011", **of("Node.js18.15"))
    assert "file.function" in refused("FSS.1003", **of("Python3.9", handler="-", **inline(PYTHON)))
    assert "file.function" in refused("FSS.1003", **of("Python3.9", handler="../index.handler", **inline(PYTHON)))
    assert "Python3.9" in refused("FSS.1005", **of("Python2.7", **inline(PYTHON)))
    assert "a package that is a server" in refused("FSS.1006", **inline(PYTHON))
    assert "mandatory" in refused("FSS.1012", **of("Python3.9", code_type="inline", func_code=None))
    assert "bootstrap" in refused("FSS.1011", **of("Custom", func_code={"file": base64.b64encode(zipped(FUNCTIONS / "handled")).decode()}))
    assert "no place" in refused("FSS.1404", **of("Custom", initializer_handler="index.init", initializer_timeout=5))
    hook = {"initializer_handler": "-", "initializer_timeout": 5}
    assert "initializer_handler" in refused("FSS.1404", **of("Python3.9", **inline(PYTHON), **hook))
