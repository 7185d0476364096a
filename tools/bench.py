"""Measures what Sluice promises and prints a table: see `tools.benches`.

.venv/bin/python tools/bench.py [--rows NAME,...] [--quick] [--runs 3] [--publish]
"""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
runpy.run_module("tools.benches", run_name="__main__", alter_sys=True)
