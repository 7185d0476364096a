"""Tells the trigger of the function photos of new objects, as a store's webhook does:  python notify.py KEY..."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

data = Path(os.environ.get("SLUICE_DATA", ".sluice"))
endpoint = json.loads((data / "credentials.json").read_text())["endpoint"]
listed = subprocess.run(["sluice", "get", "triggers", "photos", "-o", "json"], check=True, capture_output=True)
(trigger,) = json.loads(listed.stdout)
for key in sys.argv[1:]:
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": "s3:ObjectCreated:Put",
        "s3": {
            "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
            "object": {"key": quote_plus(key), "size": len(key), "sequencer": f"{time.time_ns():016X}"},
        },
    }
    request = urllib.request.Request(
        f"{endpoint}/sluice/v1/push/obs/{trigger['trigger_id']}",
        json.dumps({"EventName": record["eventName"], "Key": f"photos/{key}", "Records": [record]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
