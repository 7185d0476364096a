"""Runs the whole suite in parts beside each other: it waits more than it works, for servers and for processes that were killed.

.venv/bin/python tools/suite.py [pytest's arguments]

Each part is a pytest of its own with servers of its own. The output of the first is shown as it comes, that of the others when they end.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PARTS: Mapping[str, Sequence[str]] = {
    "all but e2e": ("tests", "--ignore", "tests/e2e"),
    "e2e": ("tests/e2e",),
}
_CLOSING = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_COUNT = re.compile(r"(\d+) ([a-z]+)")


def main() -> int:
    with ExitStack() as opened:
        return run({name: opened.enter_context(tempfile.TemporaryFile()) for name in PARTS})


def run(outputs: Mapping[str, IO[bytes]]) -> int:
    """The exit code of the first part that failed, else 0."""
    running = {name: begin(part, sys.argv[1:], outputs[name]) for name, part in PARTS.items()}
    try:
        codes = {name: follow(process, outputs[name], name) for name, process in running.items()}
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
    counted: Counter[str] = sum((counts(read(output)) for output in outputs.values()), Counter())
    failed = counted["failed"] + counted["error"] + counted["errors"]
    print(f"suite: {counted['passed']} passed, {failed} failed, {counted['skipped']} skipped")
    return next((code for code in codes.values() if code), 0)


def begin(part: Sequence[str], arguments: Sequence[str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", *arguments, *part]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}  # what it said so far is there to be read
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def follow(process: "subprocess.Popen[bytes]", output: IO[bytes], name: str) -> int:
    """Show what a part prints until it ends; its exit code."""
    print(f"--- {name} ---", flush=True)
    shown = 0
    while True:
        ended = process.poll() is not None
        new = read(output)[shown:]
        shown += len(new)
        sys.stdout.write(new)
        sys.stdout.flush()
        if ended:
            return process.returncode
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            continue


def read(output: IO[bytes]) -> str:
    """All of it so far. By position, because the part writes by the same descriptor."""
    size = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, 0).decode(errors="replace")


def counts(printed: str) -> Counter[str]:
    """What pytest's closing line says; pure."""
    found = _CLOSING.findall(printed)
    return Counter({word: int(number) for number, word in _COUNT.findall(found[-1])} if found else {})


if __name__ == "__main__":
    sys.exit(main())
