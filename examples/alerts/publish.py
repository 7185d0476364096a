"""Publishes numbered alerts to a topic, as SMN is published to:  python publish.py HOW_MANY"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

TOPIC = "urn:smn:local-1:shop:alerts"

data = Path(os.environ.get("SLUICE_DATA", ".sluice"))
known = json.loads((data / "credentials.json").read_text())
token = subprocess.run(["sluice", "token"], check=True, capture_output=True, text=True).stdout.strip()
for number in range(1, int(sys.argv[1]) + 1):
    alert = {
        "message_id": f"alert-{number}",
        "subject": f"host-{number}",
        "message": "disk full",
        "message_attributes": [{"name": "severity", "type": "STRING", "value": "high"}],
    }
    request = urllib.request.Request(
        f"{known['endpoint']}/v2/{known['project_id']}/notifications/topics/{TOPIC}/publish",
        json.dumps(alert).encode(),
        {"X-Auth-Token": token, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["message_id"] == alert["message_id"]
