"""What a service's process does besides its service."""

import subprocess
import sys

import pytest

ENDED = """
import asyncio, os, sys
from pathlib import Path
from sluice.host.process import run

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

async def main(stop):
    before = resident_mib()
    kept = []
    for _ in range(10):
        large = [b"x" * 7_000_000 for _ in range(8)]
        kept.append(b"y" * 500_000)  # lies behind what is freed now, so that the heap cannot shrink
        del large
    sys.stdout.write(str(resident_mib() - before))

run(main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_large_events_goes_back_when_they_have_gone() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED], check=True, capture_output=True, text=True, timeout=60)
    assert float(done.stdout) < 10, done.stdout
