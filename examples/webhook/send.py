"""Does what GitHub does: python send.py DELIVERY ACTION TITLE"""

import hashlib
import hmac
import json
import os
import sys
import urllib.request
from pathlib import Path

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:8090")
delivery, action, title = sys.argv[1:]
secret = Path(__file__).with_name("secret").read_text().strip().encode()
body = json.dumps({"action": action, "issue": {"title": title}}).encode()
headers = {
    "Content-Type": "application/json",
    "X-GitHub-Event": "issues",
    "X-GitHub-Delivery": delivery,
    "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
}
with urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/hooks/github", body, headers)) as answer:
    print(answer.status, answer.read().decode())
