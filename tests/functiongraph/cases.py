"""Requests that schemathesis generates from the API's document, sent to a running `sluice up`, each answer held against the document.

    python -m tests.functiongraph.cases DATA 400 [SEED]

sends about 400 generated requests an operation, and as many again of its own choice, to the Sluice that runs on the data directory DATA.
"""

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.driver import FUNCTIONS, zipped
from tests.functiongraph.client import Sdk

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PHASES = "examples,coverage,fuzzing,stateful"
_FUNCTION = {"package": "default", "runtime": "Custom Image", "handler": "-", "timeout": 3, "memory_size": 128}


def furnish(sdk: Sdk) -> Mapping[str, list[str]]:
    """Make functions with versions, aliases, triggers and events; what may stand in a path so that one of them is found."""
    there: dict[str, list[str]] = {"project_id": [sdk.credentials["project_id"]], "function_urn": [], "trigger_id": []}
    code = base64.b64encode(zipped(FUNCTIONS / "echo")).decode()
    for _ in range(4):
        name = f"case-{secrets.token_hex(3)}"
        body = {"func_name": name, "code_type": "zip", "func_code": {"file": code}, **_FUNCTION}
        urn = sdk("create_function", body=body).func_urn.removesuffix(":latest")
        sdk("create_function_version", function_urn=urn, body={"version": "v1"})
        sdk("create_version_alias", function_urn=urn, body={"name": "live", "version": "v1"})
        timer = {"name": "tick", "schedule_type": "Rate", "schedule": "30d"}
        made = sdk("create_function_trigger", function_urn=urn, body={"trigger_type_code": "TIMER", "event_data": timer})
        sdk("update_function_async_invoke_config", function_urn=urn, body={"max_async_event_age_in_seconds": 60})
        there["function_urn"] += [urn, name, f"{urn}:v1", f"{urn}:!live"]
        there["trigger_id"].append(made.trigger_id)
    there["resource_id"] = there["func_urn"] = there["function_urn"]
    return there | {"alias_name": ["live"], "trigger_type_code": ["TIMER"]}


def send(credentials: Path, each: int, *, seed: int, phases: str = PHASES) -> "subprocess.CompletedProcess[str]":
    """All checks over every operation, at most `each` requests of fuzzing for one; the output says what was found."""
    content: dict[str, Any] = json.loads(credentials.read_text())
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run", content["endpoint"] + "/openapi.json"]
    command += ["--checks", "all", "--phases", phases, "--max-examples", str(each), "--seed", str(seed), "--no-color"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.functiongraph.signing",
        "CASES_CREDENTIALS": str(credentials),
        "CASES_THERE": json.dumps(furnish(Sdk(content))),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    command.append("--continue-on-failure")
    return subprocess.run(command, env=environment, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    done = send(Path(sys.argv[1]) / "credentials.json", int(sys.argv[2]), seed=int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    sys.stdout.write(done.stdout)
    sys.exit(done.returncode)
