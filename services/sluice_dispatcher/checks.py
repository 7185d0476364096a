"""What `sluice doctor` says of the dispatcher."""

import os
from pathlib import Path

from sluice.ledger import Ledger
from sluice.status import Check

LEAST_FREE_MB = 256


def checks(ledger: Ledger, data: Path) -> list[Check]:
    """The ledger, and the disk that it lies on."""
    usage = ledger.usage()
    kib = (usage["file_bytes"] + usage["log_bytes"]) // 1024
    disk = os.statvfs(data)
    free_mb = disk.f_bavail * disk.f_frsize // (1024 * 1024)
    return [
        Check("ledger", not usage["disk_full"], f"{kib} KiB, {usage['pending']} pending"),
        Check("disk", free_mb > LEAST_FREE_MB, f"{free_mb} MiB free under {data}"),
    ]
