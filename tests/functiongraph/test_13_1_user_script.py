"""Checklist 13.1: a script that somebody wrote for FunctionGraph runs as it is: only the endpoint and the keys are ours."""

import os
import subprocess
import sys
from pathlib import Path

from tests.functiongraph.client import Sdk

SCRIPT = Path(__file__).resolve().parents[2] / "examples/sdk/orders.py"
SAID = """\
created orders-PID latest
published v1 as live
trigger TIMER ACTIVE
trigger APIG ACTIVE
trigger OPENSOURCEKAFKA DISABLED
triggers 3
asynchronous 600 2
answered 200 {'order': 7, 'total': 42}
asynchronously SUCCESS 0
metrics invocations
deleted 404 FSS.1051
"""


def test_13_1_a_users_script_runs_unchanged_but_for_endpoint_and_keys(sdk: Sdk) -> None:
    ours = {
        "FG_ENDPOINT": sdk.credentials["endpoint"],
        "FG_AK": sdk.credentials["access_key"],
        "FG_SK": sdk.credentials["secret_key"],
        "FG_PROJECT": sdk.credentials["project_id"],
    }
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)], env={**os.environ, **ours}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, errors = process.communicate(timeout=90)
    assert (process.returncode, out.replace(f"orders-{process.pid}", "orders-PID")) == (0, SAID), errors[-3000:]
