"""Sends logs to the trigger of the function lines, every other one a warning, as OpenTelemetry's exporters do:  python send.py HOW_MANY"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HOUR_NS = 3_600 * 10**9

data = Path(os.environ.get("SLUICE_DATA", ".sluice"))
endpoint = json.loads((data / "credentials.json").read_text())["endpoint"]
listed = subprocess.run(["sluice", "get", "triggers", "lines", "-o", "json"], check=True, capture_output=True)
(trigger,) = json.loads(listed.stdout)
began = time.time_ns() // HOUR_NS * HOUR_NS
logs = [
    {
        "timeUnixNano": str(began + number),
        "severityText": "WARN" if number % 2 else "INFO",
        "body": {"stringValue": f"request {number} was {'slow' if number % 2 else 'quick'}"},
    }
    for number in range(1, int(sys.argv[1]) + 1)
]
resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "vm1"}}]}
request = urllib.request.Request(
    f"{endpoint}/sluice/v1/push/lts/{trigger['trigger_id']}/v1/logs",
    json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": logs}]}]}).encode(),
    {"Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=30) as answer:
    assert answer.status == 200
