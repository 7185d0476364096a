"""DATA/credentials.json: how the command line finds this mesh and signs for it."""

import json
import os
from pathlib import Path

from sluice.catalog import Key


def write_credentials(data: Path, url: str, key: Key) -> Path:
    """Replace the file as one step, readable for its owner only."""
    file = data / "credentials.json"
    text = json.dumps({"endpoint": url, "access_key": key.access_key, "secret_key": key.secret_key, "project_id": key.project}, indent=2)
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text + "\n")
    new.replace(file)
    return file
