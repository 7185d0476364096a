"""Sends numbered CloudEvents to the trigger of the function grid:  python send.py HOW_MANY"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

data = Path(os.environ.get("SLUICE_DATA", ".sluice"))
endpoint = json.loads((data / "credentials.json").read_text())["endpoint"]
listed = subprocess.run(["sluice", "get", "triggers", "grid", "-o", "json"], check=True, capture_output=True)
(trigger,) = json.loads(listed.stdout)
for number in range(1, int(sys.argv[1]) + 1):
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/examples/grid",
        "type": "order.created",
        "datacontenttype": "application/json",
        "data": {"amount": number},
    }
    request = urllib.request.Request(
        f"{endpoint}/sluice/v1/push/eventgrid/{trigger['trigger_id']}",
        json.dumps(event).encode(),
        {"Content-Type": "application/cloudevents+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
