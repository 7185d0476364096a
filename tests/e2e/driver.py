"""Drives the real `sluice` command: starts it, signs requests to it, kills it, starts it again."""

import base64
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.signature import sign

SLUICE = Path(sys.executable).with_name("sluice")
FUNCTIONS = Path(__file__).parents[1] / "functions"
START_WITHIN_S = 90.0
PICKED_UP_S = 10.0
"""A changed secret counts after this, from the API's answer on; on a machine without other work two seconds do."""


@dataclass
class Sluice:
    """One `sluice up`, in one process or as a mesh, on a data directory of its own."""

    data: Path
    mesh: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    killed_at: list[float] = field(default_factory=list)
    """When all of it or one of its services was killed, on the clock of the functions."""

    def start(self) -> None:
        """Start and wait until it is ready. Its log is DATA.log."""
        command = [str(SLUICE), "up", "--data", str(self.data), "--listen", "127.0.0.1:0"]
        if self.mesh:
            command.append("--mesh")
        environment = {**os.environ, **self.environment}
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
        self._until(lambda: b"Sluice is up" in self.log.read_bytes()[before:])

    def _until(self, condition: Any) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                if condition():
                    return
            except (OSError, http.client.HTTPException):
                pass
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sluice did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """-9, the whole group: what the machine's power cut would do to it."""
        assert self.process is not None
        self.killed_at.append(time.time())
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to stop, as an operator does; its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def close(self) -> None:
        if self.is_running():
            self.signal_all(signal.SIGCONT)
            self.stop()

    def signal_all(self, number: signal.Signals) -> None:
        """To every process of it."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    # -- the processes of a mesh ------------------------------------------------------------------------------------------------------

    def pid(self, service: str) -> int:
        members: dict[str, dict[str, Any]] = json.loads((self.data / "mesh.json").read_text())
        pid: int = members[service]["pid"]
        return pid

    def resident_mib(self) -> dict[str, float]:
        """Memory of each process of it, by service; `sluice` is the one that was started."""
        assert self.process is not None
        members = json.loads((self.data / "mesh.json").read_text()) if self.mesh else {}
        pids = {"sluice": self.process.pid} | {service: member["pid"] for service, member in members.items()}
        pages = {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for name, pid in pids.items()}
        return {name: number * os.sysconf("SC_PAGESIZE") / 2**20 for name, number in pages.items()}

    def signal_service(self, service: str, number: signal.Signals) -> None:
        os.kill(self.pid(service), number)

    def kill_service(self, service: str) -> None:
        """-9, and wait until its parent has started another one."""
        killed = self.pid(service)
        self.killed_at.append(time.time())
        os.kill(killed, signal.SIGKILL)
        self._until(lambda: self.pid(service) != killed)

    def replica(self, service: str) -> "subprocess.Popen[bytes]":
        """A second process of a service, with everything that the first was given but its own probes. Whoever starts it ends it."""
        folder = Path("/proc") / str(self.pid(service))
        command = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0")[:-1]]
        lines = (os.fsdecode(line).partition("=") for line in (folder / "environ").read_bytes().split(b"\0") if line)
        environment = {name: value for name, _, value in lines if name != "SLUICE_PROBES"}
        with self.log.open("ab") as out:
            return subprocess.Popen(command, stdout=out, stderr=out, env=environment)

    # -- requests ---------------------------------------------------------------------------------------------------------------------

    @property
    def credentials(self) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.data / "credentials.json").read_text())
        return content

    @property
    def project(self) -> str:
        return self.credentials["project_id"]

    def get(self, path: str) -> tuple[int, bytes]:
        return self.send("GET", path, signed=False)

    def send(
        self, method: str, path: str, body: bytes = b"", *, signed: bool = True, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request; status and body."""
        credentials = self.credentials
        address = urllib.parse.urlsplit(credentials["endpoint"]).netloc
        sent = {"Content-Type": "application/json", "Host": address, **(headers or {})}
        if signed:
            sent |= sign(credentials["access_key"], credentials["secret_key"], method, path, sent, body, now=time.time())
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def api(self, method: str, path: str, content: Any = None) -> Any:
        """A call of the API under /v2/PROJECT; its decoded answer. Anything but 2xx fails the test."""
        body = b"" if content is None else json.dumps(content).encode()
        status, answer = self.send(method, f"/v2/{self.project}{path}", body)
        assert 200 <= status < 300, (method, path, status, answer[:2000])
        return json.loads(answer) if answer else None

    def ours(self, path: str) -> Any:
        status, answer = self.send("GET", f"/sluice/v1/{self.project}{path}")
        assert status == 200, (path, status, answer[:2000])
        return json.loads(answer)

    # -- what tests make --------------------------------------------------------------------------------------------------------------

    def function(self, name: str, folder: Path, *, environment: dict[str, str] | None = None, **settings: Any) -> str:
        """Create a function from a folder; its URN without a version."""
        content = {
            "func_name": name,
            "package": "default",
            "runtime": "Custom Image",
            "handler": "-",
            "timeout": 30,
            "memory_size": 128,
            "code_type": "zip",
            "code_filename": "code.zip",
            "func_code": {"file": base64.b64encode(zipped(folder)).decode()},
            "user_data": json.dumps(environment or {}),
            **settings,
        }
        urn: str = self.api("POST", "/fgs/functions", content)["func_urn"]
        return urn.removesuffix(":latest")

    def trigger(self, urn: str, type_code: str, event_data: dict[str, Any]) -> str:
        """Create an active trigger; its id."""
        content = {"trigger_type_code": type_code, "trigger_status": "ACTIVE", "event_data": event_data}
        trigger: str = self.api("POST", f"/fgs/triggers/{urn}", content)["trigger_id"]
        return trigger

    def row(self, trigger: str) -> dict[str, Any]:
        """The trigger as `get triggers` shows it. Services that are being started again are waited for."""
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            status, answer = self._triggers()
            if status == 200:
                return next(row for row in json.loads(answer)["triggers"] if row["trigger_id"] == trigger)
            assert status in (0, 502, 503, 504), (status, answer[:2000])
            assert time.monotonic() < deadline, (status, answer[:2000])
            time.sleep(0.1)

    def _triggers(self) -> tuple[int, bytes]:
        try:
            return self.send("GET", f"/sluice/v1/{self.project}/triggers")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error).encode()

    def counts(self, trigger: str) -> dict[str, int]:
        return self.row(trigger)

    def until_state(self, trigger: str, state: str, within_s: float = 40.0) -> dict[str, Any]:
        """Wait until the trigger is shown in that state."""
        deadline = time.monotonic() + within_s
        while True:
            row = self.row(trigger)
            if row["state"] == state:
                return row
            assert time.monotonic() < deadline, (row, self.log.read_text()[-3000:])
            time.sleep(0.1)

    def until_ended(self, trigger: str, events: int, within_s: float = 60.0) -> dict[str, int]:
        """Wait until so many events of the trigger have ended."""
        deadline = time.monotonic() + within_s
        while True:
            row = self.counts(trigger)
            if row["success"] + row["failed"] + row["discarded"] >= events:
                return row
            assert time.monotonic() < deadline, (row, self.log.read_text()[-3000:])
            time.sleep(0.05)


class Witness:
    """The file in which the `witness` function writes what it saw; readable and writable for whoever the function runs as."""

    def __init__(self) -> None:
        # instances get a /tmp and a /var/tmp of their own
        base = "/srv" if os.access("/srv", os.W_OK) else Path.home()
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-witness-", dir=base))
        self.folder.chmod(0o755)
        self.file = self.folder / "seen"
        self.file.touch()
        self.file.chmod(0o666)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        return {"WITNESS": str(self.file)}

    def lines(self) -> list[tuple[str, float, str, str, str]]:
        """word, time, id, attempt, body of each whole line."""
        whole = (line.removesuffix(" .") for line in self.file.read_text().split("\n") if line.endswith(" ."))
        rows = (line.split(" ", 4) for line in whole)
        return [(row[0], float(row[1]), row[2], row[3], row[4]) for row in rows]

    def calls(self) -> list[tuple[str, str, str]]:
        """id, attempt, body of each call that began, in order."""
        return [(event, attempt, body) for word, _, event, attempt, body in self.lines() if word == "begin"]

    def repeated(self) -> int:
        """How often the same attempt of the same event began again."""
        return len(self.begun_again())

    def begun_again(self) -> list[float]:
        """When those attempts had begun before, that began again."""
        begun: dict[tuple[str, str], float] = {}
        again = []
        for word, at, event, attempt, _ in self.lines():
            if word == "begin":
                if (event, attempt) in begun:
                    again.append(begun[event, attempt])
                begun[event, attempt] = at
        return again


def zipped(folder: Path) -> bytes:
    """The folder as a zip, modes kept."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                info = zipfile.ZipInfo(str(file.relative_to(folder)))
                info.external_attr = (file.stat().st_mode & 0xFFFF) << 16
                archive.writestr(info, file.read_bytes())
    return buffer.getvalue()
