"""A full disk and a damaged ledger under a running `sluice up`."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import running_sluice
from tests.e2e.driver import FUNCTIONS, Sluice, Witness

BODY = json.dumps({"pad": "x" * 100_000}).encode()
WITHIN_S = 40.0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def offer(sluice: Sluice, urn: str) -> tuple[int, bytes]:
    return sluice.send("POST", f"/v2/{sluice.project}/fgs/functions/{urn}/invocations-async", BODY)


def offer_until(sluice: Sluice, urn: str, accepted: bool) -> tuple[int, bytes, int]:
    """Offer events until one is accepted or one is refused: its status and body, and how many were accepted on the way."""
    deadline = time.monotonic() + WITHIN_S
    taken = 0
    while time.monotonic() < deadline:
        status, body = offer(sluice, urn)
        taken += status == 202
        if (status == 202) == accepted:
            return status, body, taken
    raise AssertionError(f"still {'refused' if accepted else 'accepted'} after {WITHIN_S:g} s: {status} {body[:500]!r}")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("mesh", [False, True], ids=["one process", "mesh"])
def test_a_full_disk_refuses_new_work_by_name_and_takes_it_again_when_there_is_room(tmp_path: Path, witness: Witness, mesh: bool) -> None:
    with running_sluice(mesh, lambda folder: small_disk(folder, "96m")) as sluice:
        urn = sluice.function("seen", FUNCTIONS / "witness", environment=witness.environment)
        filler = sluice.data.parent / "filler"
        taken = offer_until(sluice, urn, accepted=True)[2]
        fill(filler, leave=12 << 20)
        status, body, more = offer_until(sluice, urn, accepted=False)
        taken += more
        assert status in (429, 503), body
        assert b"disk" in body
        assert sluice.get("/livez")[0] == 200
        filler.unlink()
        taken += offer_until(sluice, urn, accepted=True)[2]
        until_seen(witness, taken)
    assert len({event for event, _, _ in witness.calls()}) == taken
    assert witness.repeated() == 0


def fill(file: Path, leave: int) -> None:
    """Until so many bytes are left on its disk."""
    disk = os.statvfs(file.parent)
    with file.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)


def until_seen(witness: Witness, number: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while len(witness.calls()) < number:
        assert time.monotonic() < deadline, len(witness.calls())
        time.sleep(0.05)


def test_a_truncated_ledger_is_refused_with_instructions_and_left_alone(witness: Witness) -> None:
    with running_sluice(mesh=False) as sluice:
        urn = sluice.function("seen", FUNCTIONS / "witness", environment=witness.environment)
        for _ in range(20):
            assert offer(sluice, urn)[0] == 202
        until_seen(witness, 20)
        sluice.stop()
        (file,) = (sluice.data / "ledger").glob("ledger.db")
        os.truncate(file, file.stat().st_size // 2)
        damaged = file.read_bytes()
        with pytest.raises(AssertionError, match=r"(?s)ledger.*(backup|move|restore)"):
            sluice.start()
        assert file.read_bytes() == damaged
        assert sluice.process is not None
        assert sluice.process.returncode not in (0, None)
        assert "Traceback" not in sluice.log.read_text()
